"""Attacks on the wire, as raw bytes. Each case says what may become of it.

``refused``: an answer of 4xx or 5xx, or the connection closed, and nothing reached the service.
``exact``: it arrived as meant, the same target byte for byte.
``either``: one of the two; servers may differ, but nothing in between is right.
"""

# ruff: noqa: E501

from dataclasses import dataclass

HOST = "Host: localhost\r\n"
PATH = "/api/v1/auth/x"  # a public route


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    expected: str
    target: str | None = None  # where it differs from the one that was sent

    @property
    def sent_target(self) -> str:
        return self.target or self.data.split(b" ", 2)[1].decode("latin-1")


def _case(name: str, text: str | bytes, expected: str, **options: str) -> Case:
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    return Case(name, data, expected, **options)


def _get(target: str, headers: str = HOST) -> str:
    return f"GET {target} HTTP/1.1\r\n{headers}\r\n"


def _post(headers: str, body: str | bytes, host: str = HOST) -> bytes:
    raw = body if isinstance(body, bytes) else body.encode("latin-1")
    return f"POST {PATH} HTTP/1.1\r\n{host}{headers}\r\n".encode("latin-1") + raw


def _paths() -> list[Case]:
    refused = [
        "/../api/v1/auth/x", "/api/v1/auth/../users/me", "/api/v1/auth/..", "/api/v1/auth/./x", "/api/v1/auth/.",
        "/api/v1/auth/%2e%2e/users/me", "/api/v1/auth/%2E%2E/users/me", "/api/v1/auth/.%2e/users/me",
        "/api/v1/auth/%2e./users/me", "/api/v1/auth/%2e/x", "/api/v1/auth/..%2fusers/me",
        "/api/v1/auth/..%2Fusers/me", "/api/v1/auth/%2e%2e%2fusers/me", "/api/v1/auth%2fx", "/api%2fv1/auth/x",
        "/api/v1/auth/..%5cusers", "/api/v1/auth/..\\users/me", "/api/v1/auth\\x", "/api/v1/auth/%5cx",
        "/api/v1/auth;/x", "/api/v1/auth/;/x", "/api/v1/auth/..;/users/me", "/api/v1/auth/.;/x", "/api/v1/auth/x;a=b",
        "/api/v1/auth/%3bx", "//api/v1/auth/x", "/api//v1/auth/x", "/api/v1/auth//x", "/api/v1/auth/x//",
        "///api/v1/auth/x", "/api/v1/auth/x%00", "/api/v1/auth/%00", "/api/v1/auth/x%00.json", "/api/v1/auth/x%0a",
        "/api/v1/auth/x%0d%0aX:1", "/api/v1/auth/%252e%252e/users", "/api/v1/auth/%25%32%65", "/api/v1/auth/%252fx",
        "/api/v1/auth/%c0%ae%c0%ae/x", "/api/v1/auth/%c0%afx", "/api/v1/auth/%e0%80%ae/x", "/api/v1/auth/%ff",
        "/api/v1/auth/%", "/api/v1/auth/%2", "/api/v1/auth/%zz", "/api/v1/auth/%u002e", "/api/v1/auth/x#y",
        "/api/v1/auth/x#/../../users", "/api/v1/auth/\xe9", "/api/v1/auth/\xc0\xae", "/api/v1/auth/<x>",
        '/api/v1/auth/"x"', "/api/v1/auth/x|y", "/api/v1/auth/{x}", "/api/v1/auth/x^y", "/api/v1/auth/`x`",
        "/api/v1/auth/\x7f", "/api/v1/auth/x%7f", "/API/V1/AUTH/x", "/api/v1/authx", "/internal/accounts/1",
        "api/v1/auth/x", "*", "http:/api/v1/auth/x", "?a", "/metrics", "/api/v1/auth/%09x", "/api/v1/auth/%20/../x",
    ]  # fmt: skip
    exact = [
        PATH, f"{PATH}/", f"{PATH}?a=b", f"{PATH}?", f"{PATH}??", f"{PATH}?a=/../..", f"{PATH}?a=%2e%2e%2f",
        f"{PATH}?a=%00", f"{PATH}?a=\\", f"{PATH}?a;b", f"{PATH}?a=b&a=c", f"{PATH}?%", f"{PATH}?a=http://b//c",
        "/api/v1/auth/%C3%A9", "/api/v1/auth/%c3%a9", "/api/v1/auth/a%20b", "/api/v1/auth/a+b", "/api/v1/auth/a..b",
        "/api/v1/auth/...", "/api/v1/auth/.x", "/api/v1/auth/~x", "/api/v1/auth/a:b@c", "/api/v1/auth/(a)!$&'*,=",
        "/api/v1/auth/%41", "/api/v1/auth",
    ]  # fmt: skip
    long = [
        ("a target of 20,000 bytes", f"{PATH}/{'a' * 20_000}"),
        ("a query of 20,000 bytes", f"{PATH}?{'a' * 20_000}"),
    ]
    return [
        *(_case(f"path {target!r}", _get(target), "refused") for target in refused),
        *(_case(f"path {target!r}", _get(target), "exact") for target in exact),
        *(_case(name, _get(target), "refused") for name, target in long),
    ]


def _request_lines() -> list[Case]:
    lines = {
        "no version": f"GET {PATH}\r\n{HOST}\r\n",
        "version 2.0": f"GET {PATH} HTTP/2.0\r\n{HOST}\r\n",
        "version 1.2": f"GET {PATH} HTTP/1.2\r\n{HOST}\r\n",
        "version 0.9": f"GET {PATH} HTTP/0.9\r\n{HOST}\r\n",
        "version in lower case": f"GET {PATH} http/1.1\r\n{HOST}\r\n",
        "version with a space": f"GET {PATH} HTTP/ 1.1\r\n{HOST}\r\n",
        "version with more": f"GET {PATH} HTTP/1.1x\r\n{HOST}\r\n",
        "two spaces before the target": f"GET  {PATH} HTTP/1.1\r\n{HOST}\r\n",
        "two spaces before the version": f"GET {PATH}  HTTP/1.1\r\n{HOST}\r\n",
        "a tab for a space": f"GET\t{PATH}\tHTTP/1.1\r\n{HOST}\r\n",
        "a space in the target": f"GET {PATH} x HTTP/1.1\r\n{HOST}\r\n",
        "a space in front": f" GET {PATH} HTTP/1.1\r\n{HOST}\r\n",
        "a NUL in the method": f"G\x00ET {PATH} HTTP/1.1\r\n{HOST}\r\n",
        "a NUL in the target": f"GET {PATH}\x00 HTTP/1.1\r\n{HOST}\r\n",
        "a bare LF after the line": f"GET {PATH} HTTP/1.1\n{HOST}\r\n",
        "a bare CR after the line": f"GET {PATH} HTTP/1.1\r{HOST}\r\n",
        "no method": f"{PATH} HTTP/1.1\r\n{HOST}\r\n",
        "a method with a colon": f"GE:T {PATH} HTTP/1.1\r\n{HOST}\r\n",
        "a method with brackets": f"(GET) {PATH} HTTP/1.1\r\n{HOST}\r\n",
        "CONNECT": f"CONNECT localhost:80 HTTP/1.1\r\n{HOST}\r\n",
        "TRACE": f"TRACE {PATH} HTTP/1.1\r\n{HOST}\r\n",
        "PRI": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a method nobody knows": f"BREW {PATH} HTTP/1.1\r\n{HOST}\r\n",
        "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
        "nothing but NULs": b"\x00" * 64,
    }
    cases = [_case(f"line: {name}", data, "refused") for name, data in lines.items()]
    return [
        *cases,
        _case(
            "line: absolute form", f"GET http://localhost{PATH} HTTP/1.1\r\n{HOST}\r\n", "either", target=PATH
        ),
        _case(
            "line: absolute form of another host", f"GET http://evil{PATH} HTTP/1.1\r\n{HOST}\r\n", "refused"
        ),
        _case(
            "line: an empty line in front", f"\r\nGET {PATH} HTTP/1.1\r\n{HOST}\r\n", "either", target=PATH
        ),
        _case("line: version 1.0", f"GET {PATH} HTTP/1.0\r\n{HOST}\r\n", "either"),
        _case("line: a method in lower case", f"get {PATH} HTTP/1.1\r\n{HOST}\r\n", "refused"),
    ]


def _hosts() -> list[Case]:
    refused = {
        "none": "",
        "another": "Host: evil\r\n",
        "two": "Host: localhost\r\nHost: evil\r\n",
        "two alike": "Host: localhost\r\nHost: localhost\r\n",
        "two in one": "Host: localhost, evil\r\n",
        "empty": "Host:\r\n",
        "with a path": "Host: localhost/evil\r\n",
        "with a user": "Host: evil@localhost\r\n",
        "with a user behind": "Host: localhost@evil\r\n",
        "with a space": "Host: local host\r\n",
        "with a NUL": "Host: localhost\x00\r\n",
        "with a port that is none": "Host: localhost:80a\r\n",
        "with two ports": "Host: localhost:80:90\r\n",
        "a subdomain": "Host: evil.localhost\r\n",
        "a suffix": "Host: localhost.evil\r\n",
        "with a dot": "Host: localhost.\r\n",
        "with a hash": "Host: localhost#evil\r\n",
        "with a question mark": "Host: localhost?evil\r\n",
        "with a backslash": "Host: localhost\\evil\r\n",
        "behind a space": "Host : localhost\r\n",
        "in a folded line": "Host: localhost\r\n evil\r\n",
    }
    exact = {
        "with a port": "Host: localhost:8080\r\n",
        "in capitals": "Host: LOCALHOST\r\n",
        "IPv6": "Host: [::1]:80\r\n",
    }
    return [
        *(_case(f"host: {name}", _get(PATH, host), "refused") for name, host in refused.items()),
        *(_case(f"host: {name}", _get(PATH, host), "exact") for name, host in exact.items()),
    ]


def _headers() -> list[Case]:
    refused = {
        "a space before the colon": "X-A : 1\r\n",
        "a tab before the colon": "X-A\t: 1\r\n",
        "no colon": "X-A 1\r\n",
        "no name": ": 1\r\n",
        "a folded value": "X-A: 1\r\n 2\r\n",
        "a value folded by a tab": "X-A: 1\r\n\t2\r\n",
        "a NUL in the value": "X-A: 1\x002\r\n",
        "a NUL in the name": "X\x00A: 1\r\n",
        "a bare CR in the value": "X-A: 1\rX-B: 2\r\n",
        "a bare LF in the value": "X-A: 1\nX-B: 2\r\n",
        "brackets in the name": "X(A): 1\r\n",
        "a name that is not ASCII": "X-\xe9: 1\r\n",
        "a name in quotes": '"X-A": 1\r\n',
        "a control character": "X-A: \x01\r\n",
        "a first line that is folded": " X-A: 1\r\n",
        "200 fields": "".join(f"X-{number}: 1\r\n" for number in range(200)),
        "a field of 40,000 bytes": f"X-A: {'a' * 40_000}\r\n",
        "a name of 40,000 bytes": f"X-{'a' * 40_000}: 1\r\n",
    }
    harmless = {
        "an underscore in the name": "X_Forwarded_For: 1.2.3.4\r\n",
        "a dot in the name": "X.Forwarded.For: 1.2.3.4\r\n",
        "no value": "X-A:\r\n",
        "no space": "X-A:1\r\n",
        "many spaces": "X-A:    1   \r\n",
        "the address of somebody else": "X-Forwarded-For: 1.2.3.4\r\n",
        "another scheme": "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\n",
        "another path": "X-Original-URL: /api/v1/users/me\r\nX-Rewrite-URL: /x\r\n",
        "another method": "X-HTTP-Method-Override: DELETE\r\n",
        "a connection that names ours": "Connection: close, x-forwarded-for, x-request-id, host\r\n",
        "a connection that names authorization": "Connection: authorization\r\nAuthorization: Bearer x\r\n",
        "an upgrade to h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "SCRIPT_NAME": "SCRIPT_NAME: /x\r\nPATH_INFO: /y\r\n",
    }
    return [
        *(_case(f"header: {name}", _get(PATH, HOST + text), "refused") for name, text in refused.items()),
        *(_case(f"header: {name}", _get(PATH, HOST + text), "exact") for name, text in harmless.items()),
    ]


SECOND = f"GET /api/v1/users/smuggled HTTP/1.1\r\n{HOST}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
HIDDEN = f"0\r\n\r\n{SECOND}"
LENGTHS = {
    "CL.TE": (f"Content-Length: {len(HIDDEN)}\r\n{CHUNKED}", HIDDEN),
    "TE.CL": (f"{CHUNKED}Content-Length: 4\r\n", f"5c\r\n{SECOND}"),
    "two lengths": ("Content-Length: 3\r\nContent-Length: 5\r\n", "abcde"),
    "two lengths alike": ("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
    "two lengths in one": ("Content-Length: 3, 5\r\n", "abcde"),
    "two lengths alike in one": ("Content-Length: 3, 3\r\n", "abc"),
    "a negative length": ("Content-Length: -1\r\n", "abc"),
    "a length with a sign": ("Content-Length: +3\r\n", "abc"),
    "a length in hexadecimal": ("Content-Length: 0x3\r\n", "abc"),
    "a length with a space inside": ("Content-Length: 3 3\r\n", "abc"),
    "a length with letters": ("Content-Length: 3a\r\n", "abc"),
    "an empty length": ("Content-Length:\r\n", "abc"),
    "a length with an underscore": ("Content-Length: 1_0\r\n", "abcdefghij"),
    "a length in other digits": ("Content-Length: \xb3\r\n", "abc"),
    "a huge length": ("Content-Length: 99999999999999999999\r\n", "abc"),
    "a length over the limit": ("Content-Length: 9999999\r\n", "abc"),
    "a body that breaks off": ("Content-Length: 10\r\n", "abc"),
}
CODINGS = {
    "xchunked": ("Transfer-Encoding: xchunked\r\n", HIDDEN),
    "chunked, identity": ("Transfer-Encoding: chunked, identity\r\n", HIDDEN),
    "identity": ("Transfer-Encoding: identity\r\n", HIDDEN),
    "identity, chunked": ("Transfer-Encoding: identity, chunked\r\n", HIDDEN),
    "gzip, chunked": ("Transfer-Encoding: gzip, chunked\r\n", HIDDEN),
    "chunked twice": ("Transfer-Encoding: chunked, chunked\r\n", HIDDEN),
    "two fields of chunked": (CHUNKED + CHUNKED, HIDDEN),
    "chunked and another": (CHUNKED + "Transfer-Encoding: x\r\n", HIDDEN),
    "another and chunked": ("Transfer-Encoding: x\r\n" + CHUNKED, HIDDEN),
    "chunked in quotes": ('Transfer-Encoding: "chunked"\r\n', HIDDEN),
    "chunked with a parameter": ("Transfer-Encoding: chunked;q=1\r\n", HIDDEN),
    "chunked behind a vertical tab": ("Transfer-Encoding: \x0bchunked\r\n", HIDDEN),
    "chunked before a NUL": ("Transfer-Encoding: chunked\x00\r\n", HIDDEN),
    "a folded chunked": ("Transfer-Encoding:\r\n chunked\r\n", HIDDEN),
    "a space before the colon": ("Transfer-Encoding : chunked\r\n", HIDDEN),
    "an empty coding": ("Transfer-Encoding:\r\n", HIDDEN),
}
CHUNKS = {
    "a chunk size with a sign": (CHUNKED, "+3\r\nabc\r\n0\r\n\r\n"),
    "a negative chunk size": (CHUNKED, "-3\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with 0x": (CHUNKED, "0x3\r\nabc\r\n0\r\n\r\n"),
    "a chunk size that is none": (CHUNKED, "zz\r\nabc\r\n0\r\n\r\n"),
    "an empty chunk size": (CHUNKED, "\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with an underscore": (CHUNKED, "1_0\r\nabcdefghijklmnop\r\n0\r\n\r\n"),
    "a chunk size that overflows": (CHUNKED, "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    "a chunk size of 2 to the 64": (CHUNKED, "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": (CHUNKED, "2\r\nabc\r\n0\r\n\r\n"),
    "a chunk without its line end": (CHUNKED, "3\r\nabc0\r\n\r\n"),
    "a chunk with a bare LF": (CHUNKED, "3\nabc\n0\n\n"),
    "a bare LF after the size": (CHUNKED, "3\nabc\r\n0\r\n\r\n"),
    "a bare CR after the size": (CHUNKED, "3\rabc\r\n0\r\n\r\n"),
    "a bare LF in an extension": (CHUNKED, "3;a\nb\r\nabc\r\n0\r\n\r\n"),
    "a space before the size": (CHUNKED, " 3\r\nabc\r\n0\r\n\r\n"),
    "chunks that break off": (CHUNKED, "3\r\nabc\r\n"),
    "chunks over the limit": (CHUNKED, "ffffff\r\n" + "a" * 100),
}


def _framing() -> list[Case]:
    refused = {**LENGTHS, **CODINGS, **CHUNKS}
    exact = {
        "a body": ("Content-Length: 3\r\n", "abc"),
        "an empty body": ("Content-Length: 0\r\n", ""),
        "chunks": (CHUNKED, "3\r\nabc\r\n0\r\n\r\n"),
        "chunks of other sizes": (CHUNKED, "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
        "chunked in capitals": ("Transfer-Encoding: CHUNKED\r\n", "3\r\nabc\r\n0\r\n\r\n"),
    }
    either = {
        "a trailer": (CHUNKED, "3\r\nabc\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"),
        "a trailer that frames": (CHUNKED, "3\r\nabc\r\n0\r\nContent-Length: 50\r\n\r\n"),
        "an extension": (CHUNKED, "3;a=b\r\nabc\r\n0\r\n\r\n"),
        "leading zeros": (CHUNKED, "0003\r\nabc\r\n0\r\n\r\n"),
        "a space after the size": (CHUNKED, "3 \r\nabc\r\n0\r\n\r\n"),
        "a length with zeros": ("Content-Length: 003\r\n", "abc"),
    }
    return [
        *(_case(f"framing: {name}", _post(*parts), "refused") for name, parts in refused.items()),
        *(_case(f"framing: {name}", _post(*parts), "exact") for name, parts in exact.items()),
        *(_case(f"framing: {name}", _post(*parts), "either") for name, parts in either.items()),
        _case(
            "framing: chunked in HTTP/1.0", f"POST {PATH} HTTP/1.0\r\n{HOST}{CHUNKED}\r\n{HIDDEN}", "refused"
        ),
        _case(
            "framing: a body with GET", f"GET {PATH} HTTP/1.1\r\n{HOST}Content-Length: 3\r\n\r\nabc", "exact"
        ),
    ]


def _upgrades() -> list[Case]:
    """Requests for another protocol, with a request behind that would already be in it."""
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    refused = {
        "to WebSocket": f"Connection: Upgrade\r\nUpgrade: websocket\r\n{key}",
        "to WebSocket without a key": "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "to WebSocket in capitals": f"Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\n{key}",
        "to WebSocket of an old version": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n",
        "to WebSocket that Connection does not name": f"Upgrade: websocket\r\n{key}",
        "to a choice": f"Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n{key}",
        "to a WebSocket with a version": f"Connection: Upgrade\r\nUpgrade: websocket/13\r\n{key}",
        "in two fields": f"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: foo\r\n{key}",
    }
    # RFC 9110 section 7.8: "A server MAY ignore a received Upgrade header field".
    ignored = ["TLS/1.2", "TLS/1.0, TLS/1.1", "h2c", "h2,h2c", "HTTP/2.0", "foo", "IRC/6.9, RTA/x11"]
    posted = f"POST {PATH} HTTP/1.1\r\n{HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc"
    return [
        *(
            _case(f"upgrade: {name}", _get(PATH, HOST + text) + SECOND, "refused")
            for name, text in refused.items()
        ),
        *(
            _case(
                f"upgrade: to {name}",
                _get(PATH, f"{HOST}Connection: Upgrade\r\nUpgrade: {name}\r\n"),
                "exact",
            )
            for name in ignored
        ),
        _case("upgrade: with a body", posted + SECOND, "refused"),
        _case(
            "upgrade: in HTTP/1.0",
            f"GET {PATH} HTTP/1.0\r\n{HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "exact",
        ),
    ]


DOUBLED = {
    "Authorization": ("Bearer x", "Bearer y"),
    "X-API-Key": ("dw_a", "dw_b"),
    "Origin": ("https://app.example.org", "https://evil.example"),
    "Content-Type": ("text/plain", "application/json"),
    "Cookie": ("a=1", "a=2"),
    "Sec-Fetch-Site": ("same-origin", "cross-site"),
    "Token-Delivery": ("cookie", "body"),
    "Idempotency-Key": ("a", "b"),
    "X-HTTP-Method-Override": ("GET", "DELETE"),
    "Range": ("bytes=0-1", "bytes=2-3"),
}


def _doubled() -> list[Case]:
    """Fields of which there may be one (RFC 9110 section 5.3), in the same and in another spelling."""
    cases = []
    for name, (first, second) in DOUBLED.items():
        for label, other, value in (
            ("twice", name, second),
            ("twice alike", name, first),
            ("twice in capitals", name.upper(), second),
            ("twice, the second empty", name, ""),
        ):
            lines = f"{HOST}{name}: {first}\r\nX-Between: 1\r\n{other}: {value}\r\n"
            cases.append(_case(f"doubled: {name} {label}", _get(PATH, lines), "refused"))
    lists = "Accept: a/b\r\nAccept: c/d\r\nVia: 1.1 a\r\nVia: 1.1 b\r\nX-A: 1\r\nX-A: 2\r\n"
    return [*cases, _case("doubled: what may be", _get(PATH, HOST + lists), "exact")]


CASES = [
    *(*_paths(), *_request_lines(), *_hosts(), *_headers(), *_framing(), *_upgrades(), *_doubled()),
]
