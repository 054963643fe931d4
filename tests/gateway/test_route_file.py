"""The route table: all mistakes at once, each with its key; the longest prefix wins."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway import route_file
from gateway.origin_patterns import origin_pattern
from gateway.policies.cors import CorsRule
from gateway.routing import Table
from tests.gateway.tls_upstream import Authority

VARIABLES: Mapping[str, Sequence[str]] = {
    "AUTH_URL": ["http://auth:8001/"],
    "USERS_URL": ["http://users:8002/"],
    "NOTIFICATIONS_URL": ["http://notifications:8003/"],
    "GATEWAY_ALLOWED_ORIGINS": ["https://app.example.org"],
    "GATEWAY_BEARER_ORIGINS": [],
}
WRONG = """
surprise = 1
[defaults]
bogus = 1
[limits.Loud]
quota = "7"
[cors.open]
origins = ["*"]
allow_credentials = true
[upstreams.a]
urls = ["ftp://x", "${NOPE}", { url = "http://x", weight = 0 }]
[[routes]]
name = "one"
prefix = "/a/../b"
upstream = "nobody"
access = "maybe"
timeouts = { read = "7", write = 1 }
methods = ["FETCH"]
"""


def shipped() -> Table:
    return route_file.load(route_file.DEFAULT_FILE, VARIABLES)


def parsed(text: str) -> Table:
    return route_file.parse(Path("routes.toml"), text, VARIABLES)


def name_at(table: Table, method: str, path: bytes, host: str = "localhost") -> str | None:
    match = table.find(host, method, path)
    return match.route.name if match else None


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(route_file.RouteFileError) as caught:
        parsed(WRONG)

    text = "\n".join(caught.value.mistakes)
    for key in (
        "surprise",
        "defaults.bogus",
        "limits.Loud.name",
        "limits.Loud.quota",
        "limits.Loud.window_seconds",
        "cors.open",
        "upstreams.a.urls[0]",
        "${NOPE}",
        "upstreams.a.urls[1].weight",
        "routes[0].prefix",
        "routes[0].access",
        "routes[0].timeouts.read",
        "routes[0].timeouts.write",
        "routes[0].methods",
    ):
        assert key in text
    assert all(line.startswith("routes.toml: ") for line in caught.value.mistakes)


def test_a_name_that_nothing_has_is_a_mistake() -> None:
    with pytest.raises(route_file.RouteFileError) as caught:
        parsed(
            '[upstreams.a]\nurls = "http://a"\n[[routes]]\nname = "x"\nprefix = "/x"\nupstream = "b"\n'
            'limits = ["c"]\ncors = "d"\n[[routes]]\nname = "x"\nprefix = "/y"\nupstream = "a"\n'
        )

    text = "\n".join(caught.value.mistakes)
    for missing in ("[upstreams.b]", "[limits.c]", "[cors.d]", "x is there twice"):
        assert missing in text


@pytest.mark.parametrize(
    ("content", "url", "mistake"),
    [
        (None, "https://a", "upstreams.a.ca_file: is no readable file of PEM certificates"),
        ("", "https://a", "upstreams.a.ca_file: is no readable file of PEM certificates"),
        ("no certificate", "https://a", "upstreams.a.ca_file: is no readable file of PEM certificates"),
        ("good", "http://a", "upstreams.a: ca_file is for https URLs, and there is none"),
    ],
)
def test_authorities_that_are_none_are_a_mistake(
    tmp_path: Path, content: str | None, url: str, mistake: str
) -> None:
    file = Authority(tmp_path).file if content == "good" else tmp_path / "authorities.pem"
    if content is not None and content != "good":
        file.write_text(content)

    with pytest.raises(route_file.RouteFileError) as caught:
        parsed(
            f'[upstreams.a]\nurls = "{url}"\nca_file = "{file}"\n'
            '[[routes]]\nname = "x"\nprefix = "/x"\nupstream = "a"\n'
        )

    assert mistake in caught.value.mistakes[0]


def test_a_file_that_is_not_toml_or_not_there_is_a_mistake(tmp_path: Path) -> None:
    for path, content in ((tmp_path / "a.toml", "= nonsense"), (tmp_path / "none.toml", None)):
        if content:
            path.write_text(content)
        with pytest.raises(route_file.RouteFileError, match=str(path)):
            route_file.load(path, VARIABLES)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", b"/api/v1/users/me", "users"),
        ("GET", b"/api/v1/users", "users"),
        ("GET", b"/api/v1/usersx", None),
        ("GET", b"/api/v1", None),
        ("POST", b"/api/v1/auth/login", "auth-sign-in"),
        ("GET", b"/api/v1/auth/login", "auth"),
        ("POST", b"/api/v1/auth/email-code", "auth-mail"),
        ("POST", b"/api/v1/auth/email-code/verify", "auth-sign-in"),
        ("POST", b"/api/v1/auth/register", "auth-mail"),
        ("POST", b"/api/v1/auth/register/more", "auth"),
        ("GET", b"/api/v1/auth/accounts/1", "auth-admin"),
        ("GET", b"/.well-known/jwks.json", "jwks"),
        ("GET", b"/.well-known/jwks.json/x", None),
        ("GET", b"/internal/accounts/1", None),
        ("GET", b"/api/v1/users/avatars/x.webp", "avatars"),
        ("GET", b"/API/v1/users", None),
    ],
)
def test_the_longest_prefix_takes_the_request(method: str, path: bytes, name: str | None) -> None:
    assert name_at(shipped(), method, path) == name


def test_a_route_of_the_host_comes_before_one_of_any_host() -> None:
    table = parsed(
        '[upstreams.a]\nurls = "http://a"\n'
        '[[routes]]\nname = "any"\nprefix = "/x"\nupstream = "a"\n'
        '[[routes]]\nname = "own"\nprefix = "/x"\nupstream = "a"\n'
        'host = "own.example.org"\nstrip_prefix = true\n'
        '[[routes]]\nname = "new"\nprefix = "/v1"\nupstream = "a"\nrewrite_prefix = "/v2"\n'
    )

    own, new = table.find("own.example.org", "GET", b"/x/y"), table.find("other", "GET", b"/v1/z")

    assert name_at(table, "GET", b"/x/y", "other") == "any"
    assert own is not None
    assert new is not None
    assert (own.route.name, own.target(b"/x/y"), own.target(b"/x")) == ("own", b"/y", b"/")
    assert new.target(b"/v1/z") == b"/v2/z"


def test_many_segments_cost_no_more_than_the_deepest_prefix() -> None:
    assert name_at(shipped(), "GET", b"/api/v1/users" + b"/a" * 3000) == "users"


@pytest.mark.parametrize(
    ("origin", "matches", "others"),
    [
        (
            "https://a.org",
            ["https://a.org"],
            ["https://a.org.evil.com", "https://aXorg", "http://a.org", "https://a.org\n"],
        ),
        (
            "https://*.a.org",
            ["https://x.a.org", "https://x.y.a.org"],
            ["https://a.org", "https://xa.org", "https://x.a.org.evil"],
        ),
    ],
)
def test_an_origin_is_matched_whole(origin: str, matches: list[str], others: list[str]) -> None:
    import re

    pattern = re.compile(origin_pattern(origin))

    assert all(pattern.match(candidate) for candidate in matches)
    assert not any(pattern.match(candidate) for candidate in others)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://app.example.org:443", "https://app.example.org"),
        ("http://app.example.org:80", "http://app.example.org"),
        ("https://app.example.org:8443", "https://app.example.org:8443"),
        ("http://app.example.org:443", "http://app.example.org:443"),
        ("https://*.example.org:443", "https://*.example.org"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
    ],
)
def test_an_origin_is_as_browsers_write_it(written: str, origin: str) -> None:
    assert CorsRule(name="apps", origins=(written,)).origins == (origin,)
    assert re.match(origin_pattern(origin), origin.replace("*", "a"))


@pytest.mark.parametrize(
    "origin", ["localhost", "://x", "https://", "https://x/", "https://x y", "null", "https://x:"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError):
        CorsRule(name="apps", origins=(origin,))


ROUTE = '[upstreams.a]\nurls = "http://a"\n[[routes]]\nname = "x"\nprefix = "/x"\nupstream = "a"\n'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("websocket = { max_message_bytes = 0 }", "routes[0].websocket.max_message_bytes (x)"),
        ("websocket = { idle_seconds = 0 }", "routes[0].websocket.idle_seconds (x)"),
        ('websocket = "yes"', "routes[0].websocket (x)"),
        ('websocket = true\nmethods = ["POST"]', "websocket needs the method GET"),
        ('websocket = true\nparts = { a = { upstream = "a", path = "/a" } }', "one service that is asked"),
    ],
)
def test_mistakes_of_a_websocket_are_named(line: str, reason: str) -> None:
    with pytest.raises(route_file.RouteFileError) as caught:
        parsed(ROUTE + line)

    assert reason in "\n".join(caught.value.mistakes)


@pytest.mark.parametrize(
    ("line", "most"), [("true", 65_536), ("{ max_message_bytes = 7 }", 7), ("false", None)]
)
def test_a_route_says_whether_it_takes_websockets(line: str, most: int | None) -> None:
    table = parsed(ROUTE + f"websocket = {line}")
    (match,) = table.matches

    assert (match.route.websocket.max_message_bytes if match.route.websocket else None) == most
