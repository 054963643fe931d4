"""The keys that access tokens are verified with, each bound to one algorithm, and their public names.

A token names its key by ``kid``; one whose ``alg`` is not that of its key is refused (RFC 8725 section 3.1),
so that nobody can use a public key as a shared secret. A secret's id tells nothing of it; a public key's is
its thumbprint (RFC 7638).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from shared.chassis.sealing import derive_key

HS256 = "HS256"
EDDSA = "EdDSA"
ES256 = "ES256"
RS256 = "RS256"

# RFC 7518 section 3.3 wants this at least; a signature of a longer key would not have the form of our tokens.
RSA_BITS = 2048
RSA_EXPONENT = 65_537

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

# What a public key of each algorithm is, and which of its members are the key itself (RFC 7638 section 3.2).
_KINDS: Mapping[
    str, tuple[type[OKPAlgorithm | ECAlgorithm | RSAAlgorithm], dict[str, str], tuple[str, ...]]
] = {
    EDDSA: (OKPAlgorithm, {"kty": "OKP", "crv": "Ed25519"}, ("crv", "kty", "x")),
    ES256: (ECAlgorithm, {"kty": "EC", "crv": "P-256"}, ("crv", "kty", "x", "y")),
    RS256: (RSAAlgorithm, {"kty": "RSA"}, ("e", "kty", "n")),
}


class NotAPublicKey(ValueError):
    """The JWK is not one of a public key as auth publishes them."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key, and the only algorithm that it may be used with."""

    algorithm: str
    material: str | PublicKey


def key_id(secret: str) -> str:
    """A public name for ``secret``, from which nothing of it can be learnt."""
    digest = hashlib.sha256(derive_key(secret, "key-id")).digest()
    return base64.urlsafe_b64encode(digest[:9]).decode()


def shared_keys(secrets: Sequence[str]) -> Mapping[str, VerificationKey]:
    """Every accepted secret under its id, the current one first."""
    return {key_id(secret): VerificationKey(HS256, secret) for secret in secrets}


def public_jwk(algorithm: str, key: PublicKey) -> dict[str, str]:
    """The public key as a JWK (RFC 7517), its thumbprint for its id."""
    kind, _, members = _KINDS[algorithm]
    whole = cast("Any", kind).to_jwk(key, as_dict=True)
    own = {name: str(whole[name]) for name in members}
    return {**own, "use": "sig", "alg": algorithm, "kid": _thumbprint(own)}


def read_jwk(jwk: Mapping[str, str]) -> VerificationKey:
    """The key that a JWK holds; raises NotAPublicKey for any but what ``public_jwk`` makes."""
    algorithm = jwk.get("alg", "")
    if algorithm not in _KINDS:
        raise NotAPublicKey("another algorithm")
    kind, expected, members = _KINDS[algorithm]
    own = {name: jwk.get(name, "") for name in members}
    if set(jwk) != {*members, "use", "alg", "kid"} or not expected.items() <= own.items():
        raise NotAPublicKey("another kind of key")
    if jwk["kid"] != _thumbprint(own):
        raise NotAPublicKey("not under its own name")
    try:
        key = cast("PublicKey", kind.from_jwk(own))
    except (InvalidKeyError, ValueError) as error:
        raise NotAPublicKey("no key at all") from error
    if isinstance(key, RSAPublicKey) and not _is_sound(key):
        raise NotAPublicKey("an RSA key of another size")
    return VerificationKey(algorithm, key)


def _is_sound(key: RSAPublicKey) -> bool:
    return key.key_size == RSA_BITS and key.public_numbers().e == RSA_EXPONENT


def _thumbprint(members: Mapping[str, str]) -> str:
    canonical = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
