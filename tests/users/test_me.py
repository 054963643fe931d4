"""`/api/v1/users/me` over HTTP, on the real database and cache."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.chassis.ids import new_id
from tests.users.conftest import FakeAccounts, Headers

USERS = "/api/v1/users"
ME = f"{USERS}/me"


def test_profile_is_made_on_first_sight_if_the_message_is_late(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    account = accounts.add(email="ada@example.org", display_name="Ada")

    answer = client.get(ME, headers=as_account(account.id))

    assert answer.status_code == 200
    assert set(answer.json) == {
        "id", "email", "name", "avatar_url", "locale", "timezone",
        "is_active", "roles", "metadata", "public_metadata", "created_at", "updated_at",
    }  # fmt: skip
    assert answer.json["email"] == "ada@example.org"
    assert answer.json["name"] == "Ada"


def test_account_that_auth_does_not_know_has_no_profile(client: FlaskClient, as_account: Headers) -> None:
    answer = client.get(ME, headers=as_account(new_id()))

    assert answer.status_code == 404
    assert answer.json["code"] == "profile_not_found"
    assert answer.content_type == "application/problem+json"


def test_two_accounts_never_see_each_other_through_the_cache(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada, bob = accounts.add("ada@example.org"), accounts.add("bob@example.org")

    emails = [
        client.get(ME, headers=as_account(account.id)).json["email"] for account in (ada, bob, ada, bob)
    ]

    assert emails == ["ada@example.org", "bob@example.org"] * 2


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"If-None-Match": "{etag}"}, 304),
        ({"If-None-Match": "W/{etag}"}, 304),
        ({"If-None-Match": '"7000", {etag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"7000"'}, 200),
        ({"If-None-Match": "nonsense"}, 200),
        ({"If-Match": "{etag}"}, 200),
        ({"If-Match": '"7000"'}, 412),
    ],
    ids=str,
)
def test_conditional_read_is_answered_by_the_version(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, condition: dict[str, str], status: int
) -> None:
    headers = as_account(accounts.add().id)
    whole = client.get(ME, headers=headers)
    etag = whole.headers["ETag"]
    asked = {name: value.format(etag=etag) for name, value in condition.items()}

    answer = client.get(ME, headers={**headers, **asked})

    assert answer.status_code == status
    assert answer.data == {200: whole.data, 304: b""}.get(status, answer.data)
    assert status == 412 or answer.headers["ETag"] == etag
    assert answer.content_type == {200: "application/json", 412: "application/problem+json"}.get(status)


def test_merge_patch_changes_what_it_names_and_nothing_else(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    headers = as_account(accounts.add(display_name="Ada").id)
    client.patch(ME, headers=headers, json={"metadata": {"a": 1, "b": {"c": 2, "d": 3}}})

    patch = {"timezone": "Europe/Berlin", "metadata": {"a": None, "b": {"c": 5}}}
    answer = client.patch(ME, headers=headers, json=patch)

    assert answer.status_code == 200
    assert answer.json["name"] == "Ada"
    assert answer.json["timezone"] == "Europe/Berlin"
    assert answer.json["metadata"] == {"b": {"c": 5, "d": 3}}
    assert client.get(ME, headers=headers).json == answer.json


def test_stale_if_match_answers_412_and_changes_nothing(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    headers = as_account(accounts.add().id)
    etag = client.get(ME, headers=headers).headers["ETag"]
    client.patch(ME, headers={**headers, "If-Match": etag}, json={"name": "First"})

    answer = client.patch(ME, headers={**headers, "If-Match": etag}, json={"name": "Second"})

    assert answer.status_code == 412
    assert client.get(ME, headers=headers).json["name"] == "First"


def test_each_form_of_the_answer_has_the_headers_that_belong_to_it(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    headers = as_account(accounts.add().id)
    shown, head = (ask(ME, headers=headers) for ask in (client.get, client.head))
    unchanged = client.get(ME, headers={**headers, "If-None-Match": shown.headers["ETag"]})

    assert (shown.content_type, shown.content_length) == ("application/json", len(shown.data))
    assert (head.content_type, head.content_length, head.data) == ("application/json", len(shown.data), b"")
    assert set(unchanged.headers.keys()) == {"ETag", "Cache-Control", "X-Request-ID"}


def test_of_concurrent_writers_with_one_etag_exactly_one_wins(
    app: Flask, accounts: FakeAccounts, as_account: Headers
) -> None:
    headers = as_account(accounts.add().id)
    etag = app.test_client().get(ME, headers=headers).headers["ETag"]
    start = threading.Barrier(8)

    def write(number: int) -> int:
        start.wait()
        guarded = {**headers, "If-Match": etag}
        return app.test_client().patch(ME, headers=guarded, json={"name": f"W{number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(write, range(8)))

    assert statuses == [200] + [412] * 7


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ('"999", {etag}', 200),
        ('{etag}, "999"', 200),
        ('"a", "b", {etag}, "c"', 200),
        ("*", 200),
        ('"", {etag}', 200),
        ('"9:a", ""', 412),
        ('"999", "998"', 412),
        ("W/{etag}", 412),
        ("no-tag", 412),
        ("", 412),
    ],
)
def test_if_match_takes_any_tag_of_its_list(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, form: str, status: int
) -> None:
    headers = as_account(accounts.add().id)
    etag = client.get(ME, headers=headers).headers["ETag"]

    answers = [
        client.patch(ME, headers={**headers, "If-Match": form.format(etag=etag)}, json={})
        for _ in range(1 if status == 200 else 8)
    ]

    assert {answer.status_code for answer in answers} == {status}


@pytest.mark.parametrize(
    ("typed", "locale"),
    [("DE", "de"), ("De-at", "de-AT"), ("de_DE", "de-DE"), ("en-US-u-hc-h12", "en-US-u-hc-h12")],
)
def test_locale_is_taken_as_browsers_write_it(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, typed: str, locale: str
) -> None:
    headers = as_account(accounts.add().id)

    assert client.patch(ME, headers=headers, json={"locale": typed}).json["locale"] == locale


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("1e30", 422),
        ("18446744073709551616", 422),
        ("-9223372036854775809", 422),
        ("18446744073709551615", 200),
        ("-9223372036854775808", 200),
        ("0.1", 200),
    ],
)
def test_number_in_metadata_comes_back_exactly_or_is_refused(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, number: str, status: int
) -> None:
    account = accounts.add()
    headers = as_account(account.id)

    body = f'{{"metadata": {{"n": {number}}}}}'
    answer = client.patch(ME, headers=headers, data=body, content_type="application/json")

    assert answer.status_code == status
    for path in (ME, f"/api/v1/users/{account.id}", "/api/v1/users"):
        shown = client.get(path, headers=as_account(account.id, "admin"))
        assert shown.status_code == 200
        assert (f'"n":{number}' in shown.text) is (status == 200)


@pytest.mark.parametrize("levels", [6, 63, 400, 600])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_metadata_is_refused_and_never_a_fault(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, levels: int, opening: str, closing: str
) -> None:
    headers = as_account(accounts.add().id)
    body = '{"metadata": {"a": ' + opening * levels + "1" + closing * levels + "}}"

    answer = client.patch(ME, headers=headers, data=body, content_type="application/json")

    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"name": "\u3164"}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"avatar_url": "http://example.org/a.png"}, "/avatar_url"),
        ({"avatar_url": "https://user:pw@example.org/a.png"}, "/avatar_url"),
        ({"avatar_url": "https://example.org/a\u0000"}, "/avatar_url"),
        ({"avatar_url": "https://example.org/\u202egnp.a"}, "/avatar_url"),
        ({"name": "x" * 1000}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "a\u0000b"}, "/name"),
        ({"name": "line\nbreak"}, "/name"),
        ({"name": 7}, "/name"),
        ({"email": "other@example.org"}, "/email"),
        ({"roles": ["admin"]}, "/roles"),
        ({"avatar_url": "javascript:alert(1)"}, "/avatar_url"),
        ({"avatar_url": "https://example.org/" + "x" * 2048}, "/avatar_url"),
        ({"locale": "../../etc"}, "/locale"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"metadata": ["not", "an", "object"]}, "/metadata"),
        ({"metadata": {"a": "nul\u0000"}}, "/metadata"),
        ([], ""),
        ("text", ""),
    ],
)
def test_bad_values_answer_422_and_store_nothing(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, patch: object, pointer: str
) -> None:
    headers = as_account(accounts.add().id)
    before = client.get(ME, headers=headers).json

    answer = client.patch(ME, headers=headers, json=patch)

    assert answer.status_code == 422
    assert answer.json["code"] == "validation_failed"
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert client.get(ME, headers=headers).json == before


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("PATCH", "/{other}", {"json": {"name": "Mine"}}, 403),
        ("GET", "/{other}/stats", {}, 403),
        ("PATCH", "/me", {"json": {"id": "{other}"}}, 422),
        ("PATCH", "/me", {"json": {"account_id": "{other}", "name": "Mine"}}, 422),
        ("PATCH", "/me?account_id={other}", {"json": {"name": "Mine"}}, 200),
        ("DELETE", "/me", {"json": {"password": "secret", "account_id": "{other}"}}, 422),
        ("POST", "/me/export", {"json": {"account_id": "{other}"}}, 202),
        ("GET", "?cursor={other}", {}, 422),
        ("GET", "?ids={other}", {}, 200),
        ("GET", "/{other}", {}, 200),
    ],
)
def test_id_of_another_account_shows_and_changes_nothing_of_it(
    client: FlaskClient,
    accounts: FakeAccounts,
    as_account: Headers,
    method: str,
    path: str,
    options: dict[str, Any],
    status: int,
) -> None:
    mine, other = accounts.add("me@example.org"), accounts.add("other@example.org", display_name="Other")
    before = client.get(ME, headers=as_account(other.id)).text
    put_in = lambda text: text.replace("{other}", str(other.id))  # noqa: E731
    body = {name: orjson.loads(put_in(orjson.dumps(value).decode())) for name, value in options.items()}

    answer = client.open(f"{USERS}{put_in(path)}", method=method, headers=as_account(mine.id), **body)

    assert answer.status_code == status
    assert "other@example.org" not in answer.text
    assert client.get(ME, headers=as_account(other.id)).text == before
    assert all(account_id != other.id for account_id, _ in accounts.asked_deletions)


@pytest.mark.parametrize("metadata", [{"big": "x" * 20_000}, {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}])
def test_metadata_is_bounded(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, metadata: object
) -> None:
    headers = as_account(accounts.add().id)

    answer = client.patch(ME, headers=headers, json={"metadata": metadata})

    assert answer.status_code == 422
    assert answer.json["code"] == "metadata_too_large"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"name": ', "application/json", 400),
        (b'{"name": "\xff"}', "application/json", 400),
        (b'{"metadata": {"a": NaN}}', "application/json", 400),
        (b'{"metadata": {"a": -Infinity}}', "application/json", 400),
        (b'{"name": "a", "name": "b"}', "application/json", 422),
        (b'{"metadata": {"a": 1, "a": 2}}', "application/json", 422),
        (b"name=x", "application/x-www-form-urlencoded", 415),
        (b'{"name": "x"}', "text/plain", 415),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "application/json", 400),
        (b'{"name": "' + b"x" * 10_000_000 + b'"}', "application/json", 413),
    ],
)
def test_unreadable_bodies_are_refused_as_problems(
    client: FlaskClient,
    accounts: FakeAccounts,
    as_account: Headers,
    body: bytes,
    content_type: str,
    status: int,
) -> None:
    headers = as_account(accounts.add().id)

    answer = client.patch(ME, headers=headers, data=body, content_type=content_type)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
