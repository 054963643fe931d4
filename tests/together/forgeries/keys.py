"""The keys of a backend under attack, and tokens as auth would write them."""

# ruff: noqa: E501

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.chassis.ids import new_id
from shared.chassis.signing_keys import key_id, public_jwk

Sign = Callable[[bytes], bytes]
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
UNSET = object()
ISSUER = "http://testserver"  # the PUBLIC_URL of the backend that is attacked


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def as_json(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if member is not UNSET}
    return json.dumps(value, separators=(",", ":")).encode()


def token(header: Any, claims: Any, sign: Sign) -> str:
    parts = f"{b64(as_json(header))}.{b64(as_json(claims))}"
    return f"{parts}.{b64(sign(parts.encode()))}"


def by_secret(secret: bytes, digest: str = "sha256") -> Sign:
    return lambda content: hmac.digest(secret, content, digest)


def by_curve(key: ec.EllipticCurvePrivateKey) -> Sign:
    def sign(content: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def by_rsa(key: rsa.RSAPrivateKey) -> Sign:
    return lambda content: key.sign(content, padding.PKCS1v15(), hashes.SHA256())


@dataclass(frozen=True)
class Keys:
    """The keys of a running backend, which the attacker has only the public half of."""

    secret: str
    edwards: Ed25519PrivateKey
    curve: ec.EllipticCurvePrivateKey
    rsa: rsa.RSAPrivateKey

    def header(self, algorithm: str, **changes: Any) -> dict[str, Any]:
        """What auth would write."""
        return {"alg": algorithm, "kid": self.kid(algorithm), "typ": "at+jwt", **changes}

    def kid(self, algorithm: str) -> str:
        return key_id(self.secret) if algorithm == "HS256" else self.jwk(algorithm)["kid"]

    def jwk(self, algorithm: str) -> dict[str, str]:
        return public_jwk(algorithm, self.private(algorithm).public_key())

    def private(self, algorithm: str) -> Any:
        return {"EdDSA": self.edwards, "ES256": self.curve, "RS256": self.rsa}[algorithm]

    def sign(self, algorithm: str) -> Sign:
        signers: dict[str, Sign] = {
            "HS256": by_secret(self.secret.encode()),
            "EdDSA": self.edwards.sign,
            "ES256": by_curve(self.curve),
            "RS256": by_rsa(self.rsa),
        }
        return signers[algorithm]

    def genuine(self, algorithm: str, **changes: Any) -> str:
        return token(self.header(algorithm), claims(**changes), self.sign(algorithm))


def claims(**changes: Any) -> dict[str, Any]:
    """What auth would write; UNSET leaves a claim out."""
    now = int(time.time())
    return {
        "iss": "doorward", "aud": "doorward", "sub": str(new_id()), "sid": str(new_id()), "jti": str(new_id()),
        "type": "access", "fresh": False, "ver": 1, "roles": ["admin"], "amr": ["pwd"],
        "iat": now, "nbf": now, "exp": now + 900, **changes,
    }  # fmt: skip


ALGORITHMS = ("HS256", "EdDSA", "ES256", "RS256")
