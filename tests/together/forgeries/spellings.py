"""Genuine tokens in another spelling, and with bits and parts changed."""

# ruff: noqa: E501

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.together.forgeries.keys import (
    ALGORITHMS,
    ED25519_ORDER,
    P256_ORDER,
    Keys,
    b64,
)


def spelt(keys: Keys) -> Iterator[tuple[str, str]]:
    """Another spelling of a genuine token: were it taken, one token would be many."""
    for algorithm in ALGORITHMS:
        genuine = keys.genuine(algorithm)
        header, payload, signature = genuine.split(".")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        last = alphabet[alphabet.index(signature[-1]) ^ 1]
        yield from {
            f"spelling: other spare bits {algorithm}": f"{header}.{payload}.{signature[:-1]}{last}",
            f"spelling: padding {algorithm}": f"{genuine}=",
            f"spelling: more padding {algorithm}": f"{genuine}==",
            f"spelling: padding in the header {algorithm}": f"{header}=.{payload}.{signature}",
            f"spelling: a letter more {algorithm}": f"{genuine}A",
            f"spelling: a letter less {algorithm}": genuine[:-1],
            f"spelling: a dot more {algorithm}": f"{genuine}.",
            f"spelling: a dot in front {algorithm}": f".{genuine}",
            f"spelling: four parts {algorithm}": f"{genuine}.{signature}",
            f"spelling: two parts {algorithm}": f"{header}.{payload}",
            f"spelling: one part {algorithm}": header,
            f"spelling: no payload {algorithm}": f"{header}..{signature}",
            f"spelling: no header {algorithm}": f".{payload}.{signature}",
            f"spelling: only dots {algorithm}": "..",
            f"spelling: a line break {algorithm}": f"{header}.\n{payload}.{signature}",
            f"spelling: a space {algorithm}": f"{header}. {payload}.{signature}",
            f"spelling: a tab behind {algorithm}": f"{genuine}\t",
            f"spelling: a percent sign {algorithm}": genuine.replace(".", "%2E", 1),
            f"spelling: the other alphabet {algorithm}": genuine.replace("-", "+").replace("_", "/") + "+/",
            f"spelling: in quotes {algorithm}": f'"{genuine}"',
            f"spelling: a wide dot {algorithm}": genuine.replace(".", "\uff0e"),
            f"spelling: a wide letter {algorithm}": "\uff45" + genuine[1:],
            f"spelling: a bell {algorithm}": f"{genuine}\x07",
            f"spelling: two of them {algorithm}": f"{genuine},{genuine}",
            f"spelling: as JSON {algorithm}": json.dumps(
                {"payload": payload, "protected": header, "signature": signature}
            ),
            f"spelling: 4,100 letters {algorithm}": f"{header}.{payload}.{signature}".ljust(4100, "A"),
            f"spelling: 7,000 letters {algorithm}": f"{'A' * 7000}.{payload}.{signature}",
        }.items()


def mended(keys: Keys) -> Iterator[tuple[str, str]]:
    """Signatures that are taken from elsewhere, bent, or known to pass a careless check."""
    for algorithm in ALGORITHMS:
        header, payload, signature = keys.genuine(algorithm).split(".")
        other = keys.genuine(algorithm).split(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        yield from {
            f"signature: of another token {algorithm}": f"{header}.{payload}.{other[2]}",
            f"signature: of other claims {algorithm}": f"{header}.{other[1]}.{signature}",
            f"signature: zeros {algorithm}": f"{header}.{payload}.{b64(bytes(len(raw)))}",
            f"signature: ones {algorithm}": f"{header}.{payload}.{b64(bytes([255]) * len(raw))}",
            f"signature: chance {algorithm}": f"{header}.{payload}.{b64(secrets.token_bytes(len(raw)))}",
            f"signature: half {algorithm}": f"{header}.{payload}.{b64(raw[: len(raw) // 2])}",
            f"signature: twice {algorithm}": f"{header}.{payload}.{b64(raw + raw)}",
            f"signature: hash {algorithm}": f"{header}.{payload}.{b64(hashlib.sha256(payload.encode()).digest())}",
            **{
                f"signature: byte {at} {algorithm}": f"{header}.{payload}.{b64(_flipped(raw, at))}"
                for at in (0, len(raw) // 2, len(raw) - 1)
            },
        }.items()
    header, payload, signature = keys.genuine("ES256").split(".")
    der = keys.curve.sign(f"{header}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    one, zero, order = ((number).to_bytes(32, "big") for number in (1, 0, P256_ORDER))
    pairs = {
        "0, 1": zero + one,
        "1, 0": one + zero,
        "1, 1": one + one,
        "n, n": order + order,
        "1, n": one + order,
    }
    for name, pair in pairs.items():
        yield f"signature: ES256 r, s = {name}", f"{header}.{payload}.{b64(pair)}"
    yield "signature: ES256 in DER", f"{header}.{payload}.{b64(der)}"
    header, payload, signature = keys.genuine("EdDSA").split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    scalar = int.from_bytes(raw[32:], "little") + ED25519_ORDER
    identity = bytes([1]) + bytes(31)
    yield "signature: EdDSA s + L", f"{header}.{payload}.{b64(raw[:32] + scalar.to_bytes(32, 'little'))}"
    yield "signature: EdDSA of small order", f"{header}.{payload}.{b64(identity + bytes(32))}"


def _flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
