"""Tokens whose headers bring a key along, are of another type, or are no header that we know."""

# ruff: noqa: E501

import base64
import time
import zlib
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.chassis.sealing import derive_key
from shared.chassis.signing_keys import public_jwk
from tests.together.forgeries.keys import (
    ALGORITHMS,
    UNSET,
    Keys,
    as_json,
    b64,
    by_secret,
    claims,
    token,
)


def embedded(keys: Keys) -> Iterator[tuple[str, str]]:
    """A header that brings its own key, or says where one is."""
    attacker = Ed25519PrivateKey.generate()
    own = public_jwk("EdDSA", attacker.public_key())
    octets = {"kty": "oct", "k": b64(b"x" * 32), "alg": "HS256", "kid": "x"}
    brought: dict[str, dict[str, Any]] = {
        "jwk": {"jwk": own},
        "jku": {"jku": "https://evil.example/.well-known/jwks.json"},
        "jku of a lookalike": {"jku": "http://127.0.0.1@evil.example/.well-known/jwks.json"},
        "x5u": {"x5u": "https://evil.example/cert.pem"},
        "x5c": {"x5c": [base64.b64encode(b"cert").decode()]},
        "x5t": {"x5t": b64(b"x" * 20)},
        "x5t#S256": {"x5t#S256": b64(b"x" * 32)},
    }
    for name, members in brought.items():
        for kid in (own["kid"], keys.kid("EdDSA")):
            header = keys.header("EdDSA", kid=kid, **members)
            yield f"embedded: {name} {kid[:4]}", token(header, claims(), attacker.sign)
        yield (
            f"embedded: {name} over our own",
            token(keys.header("EdDSA", **members), claims(), keys.edwards.sign),
        )
    yield (
        "embedded: a secret",
        token(keys.header("HS256", kid="x", jwk=octets), claims(), by_secret(b"x" * 32)),
    )


def extended(keys: Keys) -> Iterator[tuple[str, str]]:
    """A header that says what else to understand, and bodies that are detached, compressed, nested or encrypted."""
    extensions: dict[str, dict[str, Any]] = {
        "crit exp": {"crit": ["exp"], "exp": 1},
        "crit unknown": {"crit": ["urn:x"], "urn:x": 1},
        "crit empty": {"crit": []},
        "crit text": {"crit": "exp"},
        "crit alg": {"crit": ["alg"]},
        "crit null": {"crit": None},
        "b64 false": {"b64": False, "crit": ["b64"]},
        "b64 false, not critical": {"b64": False},
        "b64 true": {"b64": True, "crit": ["b64"]},
        "zip": {"zip": "DEF"},
        "enc": {"enc": "A256GCM"},
        "cty JWT": {"cty": "JWT"},
        "cty": {"cty": "at+jwt"},
        "iss beside": {"iss": "doorward"},
        "anything": {"x": 1},
    }
    for algorithm in ALGORITHMS:
        for name, members in extensions.items():
            forged = token(keys.header(algorithm, **members), claims(), keys.sign(algorithm))
            yield f"extension: {name} {algorithm}", forged
    detached = keys.header("HS256", b64=False, crit=["b64"])
    start = b64(as_json(detached))
    signature = keys.sign("HS256")(f"{start}.".encode() + as_json(claims()))
    yield "extension: detached", f"{start}..{b64(signature)}"
    squeezed = zlib.compress(as_json(claims()))[2:-4]
    yield "extension: compressed", token(keys.header("HS256", zip="DEF"), squeezed, keys.sign("HS256"))
    nested = keys.genuine("HS256").encode()
    yield "extension: nested", token(keys.header("HS256", cty="JWT"), nested, keys.sign("HS256"))
    yield "extension: nested in silence", token(keys.header("HS256"), nested, keys.sign("HS256"))
    for alg in ("dir", "A256KW", "ECDH-ES", "PBES2-HS256+A128KW"):
        header = {"alg": alg, "enc": "A256GCM", "kid": keys.kid("HS256"), "typ": "at+jwt", "p2c": 10**9}
        parts = [as_json(header), b"", b"x" * 12, b"x" * 64, b"x" * 16]
        yield f"extension: JWE {alg}", ".".join(map(b64, parts))


def typed(keys: Keys) -> Iterator[tuple[str, str]]:
    """Genuine signatures over something that is no access token."""
    types: list[Any] = [
        "JWT",
        "jwt",
        "AT+JWT",
        "application/at+jwt",
        "service+jwt",
        "rt+jwt",
        "",
        " at+jwt",
        None,
    ]
    for typ in [*types, UNSET, 7, ["at+jwt"], {"at+jwt": 1}]:
        for algorithm in ALGORITHMS:
            yield (
                f"type: {typ!r} {algorithm}",
                token(keys.header(algorithm, typ=typ), claims(), keys.sign(algorithm)),
            )
    now = int(time.time())
    service = {"iss": "doorward", "aud": "internal", "sub": "users", "iat": now, "exp": now + 60}
    by_service = by_secret(derive_key(keys.secret, "service-token"))
    yield "type: a service token", token(keys.header("HS256", typ="service+jwt"), service, by_service)
    yield (
        "type: a service token in disguise",
        token(keys.header("HS256"), {**claims(), **service}, by_service),
    )


def headed(keys: Keys) -> Iterator[tuple[str, str]]:
    """Headers that are no JSON, or that two readers would read in two ways."""
    kid = keys.kid("HS256")
    plain = as_json(keys.header("HS256"))
    texts = {
        "alg twice": b'{"alg":"none","alg":"HS256","kid":"%b","typ":"at+jwt"}' % kid.encode(),
        "alg twice, the other way": b'{"alg":"HS256","alg":"none","kid":"%b","typ":"at+jwt"}' % kid.encode(),
        "kid twice": b'{"kid":"x","alg":"HS256","kid":"%b","typ":"at+jwt"}' % kid.encode(),
        "alg by an escape": b'{"\\u0061lg":"none","alg":"HS256","kid":"%b","typ":"at+jwt"}' % kid.encode(),
        "an array": b"[" + plain + b"]",
        "half": plain[:-1],
        "another behind": plain + plain,
        "a NUL behind": plain + b"\x00",
        "a byte order mark": b"\xef\xbb\xbf" + plain,
        "UTF-16": plain.decode().encode("utf-16"),
        "no UTF-8": plain.replace(b"at+jwt", b"\xe4t+jwt"),
        "not JSON": b"alg=HS256;kid=" + kid.encode(),
        "nested": b'{"alg":"HS256","kid":"%b","typ":"at+jwt","a":' % kid.encode() + b"[" * 1000 + b"]" * 1000 + b"}",
        "nothing but brackets": b"[" * 3000,
        "300 more bytes": as_json(keys.header("HS256", x="a" * 300)),
        "5,000 more bytes": as_json(keys.header("HS256", x="a" * 5000)),
    }  # fmt: skip
    for name, text in texts.items():
        yield f"header: {name}", token(text, claims(), keys.sign("HS256"))
