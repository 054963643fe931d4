"""Tokens with a signature of ours and claims that auth does not write."""

# ruff: noqa: E501

import time
from collections.abc import Iterator, Mapping
from typing import Any

from shared.chassis.ids import new_id
from tests.together.forgeries.keys import (
    ALGORITHMS,
    ISSUER,
    UNSET,
    Keys,
    as_json,
    claims,
    token,
)


def _wrong_claims() -> Mapping[str, list[Any]]:
    now = int(time.time())
    nothing = [UNSET, None, "", [], {}]
    return {
        "type": [*nothing, "refresh", "ACCESS", "id", ["access"]],
        "iss": [*nothing, "elsewhere", "Doorward", "doorward ", ["doorward"], "doorward.evil.example", 7, *_other_issuers()],
        "aud": [*nothing, "internal", "Doorward", ["doorward"], ["doorward", "internal"], ["x", "y"], 7, {"doorward": 1}],
        "exp": [
            *nothing, now - 1, now - 10**6, 0, -1, -(10**20), True, False, str(now + 900), [now + 900], now + 900.5,
            1e308, 10**20, 10**12, now + 90_000, 2**63, 2**1024,
        ],
        "nbf": [*nothing, now + 60, now + 10**9, str(now), now + 0.5, 1e308, True, -(2**70) * 1.0],
        "iat": [*nothing, now + 60, now + 800, str(now), now + 0.5, 1e308, True, 0, -1, [now], now - 90_000],
        "sub": [*nothing, 7, "admin", "*", True, "0" * 31, ["x"], "00000000-0000-0000-0000-00000000000g"],
        "sid": [*nothing, 7, "x", True, ["x"]],
        "jti": [UNSET, None, [], {}, 7],
        "roles": ["admin", {"admin": 1}, [7], [["admin"]], [None], 7],
        "scope": [7, ["admin"], {"a": 1}, True, []],
    }  # fmt: skip


def _other_issuers() -> list[Any]:
    """What looks like the issuer, and is another string (RFC 8414 section 4)."""
    host = ISSUER.removeprefix("http://")
    others = [
        f"{ISSUER}/",
        f"https://{host}",
        f"http://{host}:80",
        f"http://{host.upper()}",
        host,
        f" {ISSUER}",
    ]
    return [*others, f"{ISSUER}.evil.example", f"http://evil.example/{ISSUER}", [ISSUER]]


def claimed(keys: Keys) -> Iterator[tuple[str, str]]:
    """Genuine signatures over claims that auth would never write, or that are over."""
    for number, (name, values) in enumerate(_wrong_claims().items()):
        for value in values:
            algorithm = ALGORITHMS[number % len(ALGORITHMS)]
            yield f"claim: {name} {value!r:.40}", keys.genuine(algorithm, **{name: value})
    texts: dict[str, bytes] = {
        name: as_json(claims()).replace(b'"ver":1', text.encode())
        for name, text in {
            "NaN": '"ver":NaN',
            "Infinity": '"ver":Infinity',
            "-Infinity": '"ver":-Infinity',
            "sub twice": f'"sub":"{new_id()}"',
            "exp twice": '"exp":9999999999',
            "roles twice": '"roles":[]',
            "twice further in": '"a":{"b":1,"b":2}',
            "twice by an escape": '"su\\u0062":"x"',
            "a number without end": '"ver":1e999',
        }.items()
    }
    whole = as_json(claims())
    texts |= {
        "nothing": b"",
        "an array": b"[" + whole + b"]",
        "a string": b'"doorward access token"',
        "a number": b"1234567890123456",
        "null": b"null            ",
        "an empty object": b"{}              ",
        "half": whole[:-1],
        "a comma behind": whole[:-1] + b",}",
        "another behind": whole + whole,
        "a byte behind": whole + b"x",
        "a NUL behind": whole + b"\x00",
        "a comment": b"/**/" + whole,
        "a byte order mark": b"\xef\xbb\xbf" + whole,
        "UTF-16": whole.decode().encode("utf-16"),
        "no UTF-8": whole.replace(b"doorward", b"doorw\xe4rd"),
        "single quotes": whole.replace(b'"', b"'"),
        "nested arrays": b'{"a":' + b"[" * 1400 + b"]" * 1400 + b"}",
        "nested objects": b'{"a":' * 450 + b"1" + b"}" * 450,
        "nested without an end": b"[" * 2900,
    }
    for number, (name, text) in enumerate(texts.items()):
        algorithm = ALGORITHMS[number % 3]
        yield f"claims: {name}", token(keys.header(algorithm), text, keys.sign(algorithm))
