"""Key pairs that access tokens are signed with: how they are made, which signs when."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auth.store.signing_keys import KeyPair
from shared.chassis.sealing import Sealer
from shared.chassis.signing_keys import EDDSA, ES256, RS256, RSA_BITS, RSA_EXPONENT, public_jwk

__all__ = ["KeyPair", "generate", "open_private_key", "signing_at"]

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_GENERATE: Mapping[str, Callable[[], PrivateKey]] = {
    EDDSA: Ed25519PrivateKey.generate,
    ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
    RS256: lambda: rsa.generate_private_key(RSA_EXPONENT, RSA_BITS),
}


def signing_at(pairs: Iterable[KeyPair], moment: datetime) -> KeyPair | None:
    """The pair that signs then: of those that may, the latest."""
    able = [pair for pair in pairs if pair.signs_at(moment)]
    return max(able, key=lambda pair: (pair.signs_from, pair.kid), default=None)


def generate(algorithm: str, sealer: Sealer) -> dict[str, Any]:
    """A new pair: its values for the table, but for the times."""
    private = _GENERATE[algorithm]()
    jwk = public_jwk(algorithm, private.public_key())
    plain = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "kid": jwk["kid"],
        "algorithm": algorithm,
        "public_jwk": jwk,
        "sealed_private_key": sealer.seal(plain),
    }


def open_private_key(pair: KeyPair, sealer: Sealer) -> Any:
    """The private half; raises SealBroken where it rests under a secret that is no longer accepted."""
    return serialization.load_der_private_key(sealer.open(pair.sealed_private_key), password=None)
