"""However a path is spelled, it meets the rules of its plain spelling, or none but a 400."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import explanation, route_file
from gateway.routing import Table
from gateway.settings import GatewaySettings
from shared.chassis.testing.tokens import SECRET
from tests.gateway.conftest import ORIGIN, Gateway, StartGateway
from tests.gateway.echo import Upstream
from tests.gateway.test_route_file import VARIABLES

SETTINGS = GatewaySettings(
    jwt_secret_key=SECRET,
    session_secret_key=SECRET,
    redis_url="redis://127.0.0.1:1/0",
    public_url="http://localhost",
)
TABLE = route_file.load(route_file.DEFAULT_FILE, VARIABLES)
FOLDING = route_file.parse(
    Path("routes.toml"),
    """
[defaults]
case_sensitive = false
[upstreams.kiosk]
urls = ["http://kiosk"]
[[routes]]
name = "kiosk"
prefix = "/kiosk"
upstream = "kiosk"
access = "public"
[[routes]]
name = "admin"
prefix = "/kiosk/sign/Admin"
upstream = "kiosk"
access = { roles = ["admin"] }
[[routes]]
name = "list"
prefix = "/kiosk/list"
upstream = "kiosk"
exact = true
access = "signed in"
""",
    {},
)
SPELLED_OUT = {"request", "target", "read as"}  # what shows the path as it came
TWINS = {"k": "\u212a", "s": "\u017f", "i": "\u0131"}  # letters that fold to ASCII


def outcome(table: Table, method: str, path: str) -> list[tuple[str, str]]:
    """What ``explain`` says of the request, without the spelling of its path."""
    request = explanation.asked(method, path, [])
    return [line for line in explanation.explanation(SETTINGS, table, request) if line[0] not in SPELLED_OUT]


def is_refused(lines: list[tuple[str, str]]) -> bool:
    return lines[0][0] == "refused" and lines[0][1].startswith("400 ")


def requests_of(table: Table) -> st.SearchStrategy[tuple[str, str]]:
    """A method, and the plain path of a route or of something below it."""
    prefixes = sorted({match.prefix.decode() for match in table.matches})
    return st.tuples(
        st.sampled_from(["GET", "POST", "DELETE", "OPTIONS"]),
        st.builds(str.__add__, st.sampled_from(prefixes), st.sampled_from(["", "/x", "/x/y-1~"])),
    )


@st.composite
def spelled(draw: st.DrawFn, path: str, same: Callable[[str], Iterator[str]]) -> str:
    """``path`` with characters written in other ways, and perhaps a slash at its end."""
    respelled = "".join(
        character if character == "/" else draw(st.sampled_from(list(same(character)))) for character in path
    )
    return respelled + draw(st.sampled_from(["", "/"]))


@st.composite
def broken(draw: st.DrawFn, path: str) -> str:
    """``path`` with something in it that programs read differently."""
    cut = draw(st.sampled_from([index for index, character in enumerate(path) if character == "/"]))
    trick = draw(
        st.sampled_from(["/.", "/", "/x/..", "/%2e", "/%2E%2e", ";x", "/;", "%3b", "%2f", "\\", "%5c", "%00"])
    )
    return path[:cut] + trick + path[cut:]


def encodings(character: str) -> Iterator[str]:
    """The character, and its octet in small and in capital digits."""
    yield from (character, character, f"%{ord(character):02x}", f"%{ord(character):02X}")


def cases(character: str) -> Iterator[str]:
    """The same for services that fold case, which some letters beyond ASCII are a part of."""
    for one in (character.lower(), character.upper()):
        yield from encodings(one)
    if twin := TWINS.get(character.lower()):
        yield "".join(f"%{octet:02x}" for octet in twin.encode())


@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data(), requests_of(TABLE))
def test_no_spelling_of_a_path_meets_other_rules(data: st.DataObject, asked: tuple[str, str]) -> None:
    method, path = asked
    other = data.draw(spelled(path, encodings))

    lines = outcome(TABLE, method, other)

    assert lines == outcome(TABLE, method, path) or is_refused(lines)


@settings(max_examples=300, deadline=None)
@given(st.data(), requests_of(TABLE))
def test_what_programs_read_differently_is_refused(data: st.DataObject, asked: tuple[str, str]) -> None:
    method, path = asked

    assert is_refused(outcome(TABLE, method, data.draw(broken(path))))


@settings(max_examples=300, deadline=None)
@given(st.data(), requests_of(FOLDING))
def test_no_spelling_meets_other_rules_where_a_service_folds_case(
    data: st.DataObject, asked: tuple[str, str]
) -> None:
    method, path = asked
    other = data.draw(spelled(path, cases))

    lines = outcome(FOLDING, method, other)

    assert lines == outcome(FOLDING, method, path) or is_refused(lines)


def test_a_route_is_found_by_every_spelling_and_not_by_another_case() -> None:
    def name_at(path: bytes) -> str | None:
        match = TABLE.find("localhost", "POST", path)
        return match.route.name if match else None

    assert name_at(b"/api/v1/auth/%6Cogin") == "auth-sign-in"
    assert name_at(b"/api/v1/auth/register/") == "auth-mail"
    assert name_at(b"/api/v1/auth/register/x") == "auth"
    assert name_at(b"/API/v1/auth/login") is None


def test_other_spellings_are_sent_on_as_they_came(client: httpx.Client, upstream: Upstream) -> None:
    answer = client.get("/api/v1/%61uth/x%2dy/")

    assert (answer.status_code, answer.json()["target"]) == (200, "/api/v1/%61uth/x%2dy/")


@pytest.mark.parametrize(
    "path", ["/api/v1/auth/%61ccounts", "/api/v1/%61uth/audit/", "/api/v1/auth/re%66usals/x"]
)
def test_no_spelling_gets_around_access(client: httpx.Client, upstream: Upstream, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert upstream.requests == []


def test_a_prefix_is_taken_off_by_segments(start_gateway: StartGateway, upstream: Upstream) -> None:
    gateway: Gateway = start_gateway(
        routes="""
[upstreams.u]
urls = ["${USERS_URL}"]
[[routes]]
name = "x"
prefix = "/shop/v1"
strip_prefix = true
upstream = "u"
access = "public"
"""
    )

    targets = [
        httpx.get(gateway.url + path).json()["target"]
        for path in ("/%73hop/v1/%61/b", "/shop/%761/", "/shop/v1")
    ]

    assert targets == ["/%61/b", "/", "/"]


@pytest.mark.parametrize("path", ["/api/v1/auth/refresh/", "/api/v1/auth/%72efresh"])
def test_the_refresh_cookie_serves_at_every_spelling(
    client: httpx.Client, upstream: Upstream, path: str
) -> None:
    cookies = "__Host-doorward-access=a; __Host-doorward-refresh=b"

    client.post(path, headers={"Cookie": cookies, "Origin": ORIGIN, "Sec-Fetch-Site": "same-site"})

    (request,) = upstream.requests
    assert request.value("authorization") == "Bearer b"


def test_routes_to_one_service_agree_about_case() -> None:
    text = """
[upstreams.u]
urls = ["http://u"]
[[routes]]
name = "one"
prefix = "/a"
upstream = "u"
[[routes]]
name = "two"
prefix = "/a/b"
upstream = "u"
case_sensitive = false
"""
    with pytest.raises(route_file.RouteFileError, match=r"routes\[1\].case_sensitive \(two\)"):
        route_file.parse(Path("routes.toml"), text, {})
