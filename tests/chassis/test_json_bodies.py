"""A body is taken exactly as it came, or refused before anything recurses into it."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chassis import json_bodies
from shared.chassis.json_bodies import DEEPEST_LEVEL, BodyRefused
from tests.chassis.conftest import Mini

EXACT = [
    "0",
    "-0.0",
    "0.1",
    "1e-300",
    "1e16",
    "100.0",
    "18446744073709551615",
    "-9223372036854775808",
    "12345678901234567",
    "0.30000000000000004",
]
INEXACT = [
    "1e30",
    "18446744073709551616",
    "-9223372036854775809",
    "1e300",
    "3.14159265358979323846",
    "0.1000000000000000055511151231257827",
    "1e-400",
    "123456789012345678901234567890",
    "1.5e20",
    "0." + "1" * 500,
]


@pytest.mark.parametrize("number", EXACT)
def test_numbers_that_can_be_stored_with_all_digits_are_taken(number: str) -> None:
    assert json_bodies.loads(f'{{"n": {number}}}'.encode()) == {"n": json.loads(number)}


@pytest.mark.parametrize("number", INEXACT)
@pytest.mark.parametrize("form", ["%s", "[%s]", '{"a": {"b": [1, %s]}}'])
def test_numbers_that_would_lose_digits_are_refused(number: str, form: str) -> None:
    with pytest.raises(BodyRefused):
        json_bodies.loads((form % number).encode())


@pytest.mark.parametrize(
    "body", ['{"a":1,"a":1}', '{"x":{"a":1,"b":2,"a" : 3}}', '[{"a":1},{"b":1,"b":2}]', '{"\\u0061":1,"a":1}']
)
def test_a_member_that_stands_twice_is_refused(body: str) -> None:
    with pytest.raises(BodyRefused):
        json_bodies.loads(body.encode())


@pytest.mark.parametrize(
    "body", [r'{"a\":":1,"a":2}', '{"a":"\\":\\":","b":[{"a":1},{"a":1}]}', '{"":{"":1}}']
)
def test_what_only_looks_like_a_repeated_member_is_taken(body: str) -> None:
    assert json_bodies.loads(body.encode()) == json.loads(body)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("inner", ["1", "[]"])
def test_levels_are_bounded(opening: str, closing: str, inner: str) -> None:
    levels = DEEPEST_LEVEL - (inner == "[]")
    deepest = opening * levels + inner + closing * levels

    assert json_bodies.loads(deepest.encode()) == json.loads(deepest)
    for more in (1, 536, 900):
        with pytest.raises(BodyRefused):
            json_bodies.loads((opening * (levels + more) + inner + closing * (levels + more)).encode())


@pytest.mark.parametrize(
    "body", ["", "NaN", "[Infinity]", "1e400", '"\\ud800"', "{", "[" * 5000, "{'a':1}", "01"]
)
def test_what_is_no_json_is_no_body(body: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        json_bodies.loads(body.encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@given(VALUES)
def test_any_value_comes_back_as_it_was_written(value: object) -> None:
    written = json.dumps(value).encode()

    assert json_bodies.loads(written) == value


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ('{"name": NaN}', 400, "invalid_json"),
        ('{"name": "a", "name": "b"}', 422, "validation_failed"),
        ('{"name": "a", "n": 1e30}', 422, "validation_failed"),
        ('{"name": %s}' % ("[" * 600 + "]" * 600), 422, "validation_failed"),
        ('{"name": %s' % ("[" * 6000), 400, "invalid_json"),
    ],
)
def test_every_route_refuses_such_bodies(mini: Mini, body: str, status: int, code: str) -> None:
    answer = mini.app.test_client().post("/things", data=body, content_type="application/json")

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_answer_of_what_has_no_form_in_json_is_a_fault_and_no_text(mini: Mini) -> None:
    class Opaque:
        def __str__(self) -> str:
            return "the secret inside"

    with mini.app.app_context(), pytest.raises(TypeError):
        mini.app.json.dumps({"value": Opaque()})
