"""Tokens without a signature of ours: none, confused, crossed and foreign ones."""

# ruff: noqa: E501

import base64
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.chassis.sealing import derive_key
from shared.chassis.signing_keys import key_id, public_jwk
from tests.together.forgeries.keys import (
    ALGORITHMS,
    UNSET,
    Keys,
    Sign,
    as_json,
    by_curve,
    by_rsa,
    by_secret,
    claims,
    token,
)


def unsigned(keys: Keys) -> Iterator[tuple[str, str]]:
    """``alg: none`` in every spelling, with nothing, with anything and with a genuine signature behind."""
    spellings = [
        "none", "None", "NONE", "nOnE", "", " none", "none ", "none\x00", "n\u03bfne", None, UNSET, ["none"], 0,
        False, {"alg": "none"}, "null", "undefined",
    ]  # fmt: skip
    ends: dict[str, Sign] = {"": lambda _: b"", "zeros": lambda _: bytes(32), "HS256": keys.sign("HS256")}
    for spelling in spellings:
        for name, sign in ends.items():
            header = keys.header("HS256", alg=spelling)
            yield f"none: {spelling!r} {name}".strip(), token(header, claims(), sign)
    for algorithm in ALGORITHMS:
        genuine = keys.genuine(algorithm)
        yield f"none: {algorithm} without its signature", genuine.rpartition(".")[0] + "."


def confused(keys: Keys) -> Iterator[tuple[str, str]]:
    """A public key used as a shared secret, in every form that somebody might have it in."""
    for algorithm, member in (("EdDSA", "x"), ("ES256", "x"), ("RS256", "n")):
        jwk = keys.jwk(algorithm)
        public = keys.private(algorithm).public_key()
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = public.public_bytes(serialization.Encoding.PEM, info)
        der = public.public_bytes(serialization.Encoding.DER, info)
        forms = {
            "PEM": pem,
            "PEM without its last newline": pem.rstrip(),
            "PEM with CRLF": pem.replace(b"\n", b"\r\n"),
            "DER": der,
            "JWK": as_json(jwk),
            "JWK in order": json.dumps(jwk, sort_keys=True).encode(),
            "JWK set": as_json({"keys": [jwk]}),
            member: base64.urlsafe_b64decode(jwk[member] + "=="),
            f"{member} as text": jwk[member].encode(),
            "kid": jwk["kid"].encode(),
            "repr": repr(public).encode(),
            "nothing": b"",
        }
        for name, secret in forms.items():
            for kid in (keys.kid(algorithm), keys.kid("HS256")):
                header = keys.header("HS256", kid=kid)
                yield f"confusion: {algorithm} {name} {kid[:4]}", token(header, claims(), by_secret(secret))
    yield (
        "confusion: the id of the secret",
        token(keys.header("HS256"), claims(), by_secret(key_id(keys.secret).encode())),
    )
    for purpose in ("service-token", "refresh-token", "signing-key", "key-id"):
        derived = derive_key(keys.secret, purpose)
        yield (
            f"confusion: the derived key {purpose}",
            token(keys.header("HS256"), claims(), by_secret(derived)),
        )


def crossed(keys: Keys) -> Iterator[tuple[str, str]]:
    """A key of ours under an algorithm that is not its own, and algorithms that are nobody's."""
    for says in ALGORITHMS:
        for named in ALGORITHMS:
            for signs in ALGORITHMS:
                if says == named == signs:
                    continue
                header = {"alg": says, "kid": keys.kid(named), "typ": "at+jwt"}
                yield f"crossed: {says} {named} {signs}", token(header, claims(), keys.sign(signs))
    for alg, digest in (("HS384", "sha384"), ("HS512", "sha512")):
        sign = by_secret(keys.secret.encode(), digest)
        yield f"crossed: {alg}", token(keys.header("HS256", alg=alg), claims(), sign)
    spelt = [
        "hs256",
        "HS256 ",
        "HMAC256",
        "rs256",
        "RS384",
        "RS512",
        "PS256",
        "ES384",
        "ES512",
        "ES256K",
        "Ed25519",
        "Ed448",
    ]
    for alg in [*spelt, "eddsa", "es256", "A128KW", "dir", ["HS256"], {"HS256": 1}, 256, True]:
        for algorithm in ALGORITHMS:
            forged = token(keys.header(algorithm, alg=alg), claims(), keys.sign(algorithm))
            yield f"crossed: {alg} over {algorithm}", forged


def foreign(keys: Keys) -> Iterator[tuple[str, str]]:
    """Keys that are not ours, and names of keys that somebody might look up, open or log."""
    attacker = Ed25519PrivateKey.generate()
    own = public_jwk("EdDSA", attacker.public_key())
    curve = ec.generate_private_key(ec.SECP256R1())
    yield (
        "foreign: EdDSA key under its name",
        token(keys.header("EdDSA", kid=own["kid"]), claims(), attacker.sign),
    )
    yield "foreign: EdDSA key under our name", token(keys.header("EdDSA"), claims(), attacker.sign)
    yield "foreign: ES256 key under our name", token(keys.header("ES256"), claims(), by_curve(curve))
    big = rsa.generate_private_key(65_537, 2048)
    yield "foreign: RS256 key under our name", token(keys.header("RS256"), claims(), by_rsa(big))
    yield "foreign: secret under our name", token(keys.header("HS256"), claims(), by_secret(b"x" * 40))
    names: list[Any] = [
        "", " ", "x", "../../../../dev/null", "/dev/null", "file:///dev/null", "https://evil.example/jwks.json",
        "' OR '1'='1", "x' UNION SELECT 'secret' --", "; cat /etc/passwd", "$(id)", "%00", "a\x00b", "\x00",
        "a\r\nb: c", "\n{}", "{{7*7}}", "__proto__", "\ud83d\ude00", "\ud800", "a" * 100, None, UNSET, 0, 1.5, True,
        [], {}, ["a"], {"kid": "a"},
    ]  # fmt: skip
    for algorithm in ALGORITHMS:
        kid = keys.kid(algorithm)
        for name in [*names, f"{kid} ", f" {kid}", f"{kid}=", f"{kid}\x00", kid.swapcase(), [kid], kid[:-1]]:
            forged = token(keys.header(algorithm, kid=name), claims(), keys.sign(algorithm))
            yield f"foreign: kid {name!r:.40} {algorithm}", forged
    for name in ("../../../../dev/null", "/dev/null"):
        forged = token(keys.header("HS256", kid=name), claims(), by_secret(b""))
        yield f"foreign: an empty file {name}", forged
