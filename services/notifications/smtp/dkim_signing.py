"""DKIM (RFC 6376, RFC 8463): our domain vouches for a message, so that receivers believe who it is from.

Written out on cryptography's keys: dkimpy computes RSA in Python, which costs several times what the rest of
a message does. Tests have dkimpy verify what is signed here. Both canonicalizations are relaxed,
and From, To and Subject are named once more than they are there, so that nobody can add another one.
"""

import base64
import hashlib
import re
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

LEAST_RSA_BITS = 1024
_SEALED_TWICE = ("from", "to", "subject")
_LINE = 70
Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs messages for one domain with one key, which receivers find under the selector."""

    domain: str
    selector: str
    key: Key

    def header(self, message: bytes) -> bytes:
        """The header field that goes before ``message``, whose line ends are CRLF."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = [name for name, _ in fields]
        names += [name for name in _SEALED_TWICE if name in names]
        digest = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
        kind = "rsa" if isinstance(self.key, rsa.RSAPrivateKey) else "ed25519"
        value = (
            f" v=1; a={kind}-sha256; c=relaxed/relaxed; d={self.domain}; s={self.selector};\r\n"
            f" t={int(time.time())}; \r\n h={':'.join(names)};\r\n bh={digest};\r\n b="
        )
        signed = b"".join(_relaxed(name, content) for name, content in _picked(fields, names))
        signature = self._signature(signed + _relaxed("dkim-signature", value.encode()).removesuffix(b"\r\n"))
        return f"DKIM-Signature:{value}{_folded(base64.b64encode(signature).decode())}\r\n".encode()

    def _signature(self, content: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(hashlib.sha256(content).digest())


def parse_key(text: str) -> Key:
    """The private key in PEM; raises ValueError with a sentence."""
    try:
        key = serialization.load_pem_private_key(text.strip().replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError("must be a private key in PEM, without a passphrase") from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < LEAST_RSA_BITS:
        raise ValueError(f"must be an Ed25519 key, or an RSA key of at least {LEAST_RSA_BITS} bits")
    return key


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    """The header fields in order, folded lines joined."""
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", head)
    pairs = (line.partition(b":") for line in unfolded.split(b"\r\n"))
    return [(name.strip().lower().decode(), value) for name, _, value in pairs]


def _picked(fields: list[tuple[str, bytes]], names: list[str]) -> list[tuple[str, bytes]]:
    """The fields as a verifier picks them: of one name the last first, and none where none is left."""
    left = list(fields)
    picked = []
    for name in names:
        found = next((field for field in reversed(left) if field[0] == name), None)
        if found is not None:
            left.remove(found)
            picked.append(found)
    return picked


def _relaxed(name: str, value: bytes) -> bytes:
    """A header field in RFC 6376's relaxed form."""
    one_line = re.sub(rb"[ \t]+", b" ", re.sub(rb"\r\n", b"", value)).strip(b" ")
    return name.encode() + b":" + one_line + b"\r\n"


def _relaxed_body(body: bytes) -> bytes:
    """The body in RFC 6376's relaxed form: blanks made one, and none at the end of a line or of the body."""
    lines = (re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n"))
    joined = b"\r\n".join(lines).rstrip(b"\r\n")
    return joined + b"\r\n" if joined else b""


def _folded(text: str) -> str:
    """A signature over several lines of a header."""
    parts = (text[begin : begin + _LINE] for begin in range(0, len(text), _LINE))
    return "\r\n ".join(parts)
