"""Password hashes of other systems, pure: which are taken over, and how a password is checked against one.

Taken are bcrypt, scrypt, PBKDF2 and argon2 as Django, Werkzeug, Firebase (in GoTrue's spelling), passlib and
PHC strings write them. Parameters are bounded, so that an import cannot plant a hash that costs minutes.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import bcrypt
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MOST_BCRYPT_COST = 14
MOST_PBKDF2_ITERATIONS = 2_000_000
MOST_SCRYPT_MEMORY = 256 * 1024 * 1024
MOST_ARGON2_MEMORY_KIB = 256 * 1024
MOST_ARGON2_WORK_KIB = 4 * 1024 * 1024  # memory times passes
_BCRYPT_BYTES = 72  # bcrypt reads no further
FEWEST_DIGEST_BYTES = 16  # fewer would let another password in
_DIGESTS = ("sha1", "sha256", "sha512")

_DJANGO_PBKDF2 = re.compile(r"pbkdf2_(sha1|sha256|sha512)\$(\d{1,8})\$([^$]+)\$([A-Za-z0-9+/=]+)\Z")
_PASSLIB_PBKDF2 = re.compile(
    r"\$pbkdf2-(sha1|sha256|sha512)\$(\d{1,8})\$([A-Za-z0-9+./]+)\$([A-Za-z0-9+./]+)\Z"
)
_WERKZEUG_PBKDF2 = re.compile(r"pbkdf2:(sha1|sha256|sha512):(\d{1,8})\$([^$]+)\$([0-9a-f]+)\Z")
_WERKZEUG_SCRYPT = re.compile(r"scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3})\$([^$]+)\$([0-9a-f]+)\Z")
_DJANGO_SCRYPT = re.compile(r"scrypt\$([^$]+)\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/=]+)\Z")
_PHC_SCRYPT = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)\Z"
)
_FIREBASE = re.compile(
    r"\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3}),ss=([A-Za-z0-9+/=]+),sk=([A-Za-z0-9+/=]+)"
    r"\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)\Z"
)
# Of the last mark of salt and digest some bits are to spare, and zero: bcrypt refuses others.
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]\Z")


class HashNotSupported(Exception):
    """The text is no hash that we know, or would cost more than we spend on one."""


@dataclass(frozen=True, slots=True)
class ForeignHash:
    """A hash that was understood: its scheme, and the check of a password's bytes."""

    scheme: str
    matches: Callable[[bytes], bool]


def marked(stored: str) -> str:
    """``stored`` as it is kept: argon2id's gets Django's prefix, so that it is not taken for one of ours.

    Ours are of normalised passwords, and take as long to check as nobody's hash.
    """
    return f"argon2{stored}" if stored.startswith("$argon2id$") else stored


Builder = Callable[[re.Match[str]], ForeignHash]


def parse(stored: str) -> ForeignHash:
    """What ``stored`` is; raises HashNotSupported."""
    for pattern, build in _BUILDERS.items():
        match = pattern.match(stored)
        if match is not None:
            return _build(build, match)
    if stored.startswith("bcrypt_sha256$"):
        return _bcrypt_sha256(stored.removeprefix("bcrypt_sha256$"))
    if stored.startswith("bcrypt$"):
        return _bcrypt(stored.removeprefix("bcrypt$"))
    if stored.startswith(("argon2$", "$argon2")):
        return _argon2("$" + stored.removeprefix("argon2$").lstrip("$"))
    raise HashNotSupported("no hash that we know")


def _build(build: Builder, match: re.Match[str]) -> ForeignHash:
    try:
        return build(match)
    except ValueError as error:  # odd hexadecimal digits, base64 with marks or padding that cannot be
        raise HashNotSupported("its salt or digest is not well-formed") from error


def _require(is_met: bool) -> None:
    if not is_met:
        raise HashNotSupported("its parameters are out of bounds")


def _bcrypt(text: str) -> ForeignHash:
    match = _BCRYPT.match(text)
    _require(match is not None and 4 <= int(match[1]) <= MOST_BCRYPT_COST)
    return ForeignHash("bcrypt", lambda password: bcrypt.checkpw(password[:_BCRYPT_BYTES], text.encode()))


def _bcrypt_sha256(text: str) -> ForeignHash:
    inner = _bcrypt(text)
    return ForeignHash(
        "bcrypt_sha256", lambda password: inner.matches(hashlib.sha256(password).hexdigest().encode())
    )


def _argon2(text: str) -> ForeignHash:
    try:
        parameters = extract_parameters(text)
    except (InvalidHashError, ValueError, KeyError) as error:
        raise HashNotSupported("no argon2 hash") from error
    memory, passes = parameters.memory_cost, parameters.time_cost
    _require(memory <= MOST_ARGON2_MEMORY_KIB and memory * passes <= MOST_ARGON2_WORK_KIB)

    def matches(password: bytes) -> bool:
        try:
            return PasswordHasher().verify(text, password)
        except VerificationError:
            return False

    return ForeignHash("argon2", matches)


def _pbkdf2(digest: str, iterations: int, salt: bytes, expected: bytes) -> ForeignHash:
    _require(digest in _DIGESTS and 1 <= iterations <= MOST_PBKDF2_ITERATIONS)
    _require(len(expected) >= FEWEST_DIGEST_BYTES)

    def matches(password: bytes) -> bool:
        found = hashlib.pbkdf2_hmac(digest, password, salt, iterations, len(expected))
        return hmac.compare_digest(found, expected)

    return ForeignHash("pbkdf2", matches)


def _scrypt(n: int, r: int, p: int, salt: bytes, expected: bytes) -> ForeignHash:
    def matches(password: bytes) -> bool:
        found = scrypt(password, salt, n=n, r=r, p=p, length=len(expected))
        return hmac.compare_digest(found, expected)

    _check_scrypt(n, r, p)
    _require(len(expected) >= FEWEST_DIGEST_BYTES)
    return ForeignHash("scrypt", matches)


def _check_scrypt(n: int, r: int, p: int) -> None:
    _require(n >= 2 and n & (n - 1) == 0 and 1 <= r <= 32 and 1 <= p <= 16)
    _require(128 * n * r <= MOST_SCRYPT_MEMORY)


def scrypt(password: bytes, salt: bytes, *, n: int, r: int, p: int, length: int) -> bytes:
    """hashlib's scrypt with the memory that these parameters need."""
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=128 * r * (n + p + 2))


def _firebase(match: re.Match[str]) -> ForeignHash:
    """Firebase encrypts the project's signer key with AES-256-CTR under the scrypt of the password."""
    n, r, p = 2 ** int(match[1]), int(match[2]), int(match[3])
    separator, signer_key, salt, expected = (_decoded(match[place]) for place in (4, 5, 6, 7))
    _check_scrypt(n, r, p)

    def matches(password: bytes) -> bool:
        key = scrypt(password, salt + separator, n=n, r=r, p=p, length=32)
        encryptor = Cipher(algorithms.AES(key), modes.CTR(b"\x00" * 16)).encryptor()
        return hmac.compare_digest(encryptor.update(signer_key) + encryptor.finalize(), expected)

    return ForeignHash("firebase", matches)


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def _adapted(text: str) -> bytes:
    """passlib's base64, which has `.` for `+`."""
    return _unpadded(text.replace(".", "+"))


_BUILDERS: Mapping[re.Pattern[str], Builder] = {
    _DJANGO_PBKDF2: lambda m: _pbkdf2(m[1], int(m[2]), m[3].encode(), _decoded(m[4])),
    _PASSLIB_PBKDF2: lambda m: _pbkdf2(m[1], int(m[2]), _adapted(m[3]), _adapted(m[4])),
    _WERKZEUG_PBKDF2: lambda m: _pbkdf2(m[1], int(m[2]), m[3].encode(), bytes.fromhex(m[4])),
    _WERKZEUG_SCRYPT: lambda m: _scrypt(int(m[1]), int(m[2]), int(m[3]), m[4].encode(), bytes.fromhex(m[5])),
    _DJANGO_SCRYPT: lambda m: _scrypt(int(m[2]), int(m[3]), int(m[4]), m[1].encode(), _decoded(m[5])),
    _PHC_SCRYPT: lambda m: _scrypt(2 ** int(m[1]), int(m[2]), int(m[3]), _unpadded(m[4]), _unpadded(m[5])),
    _FIREBASE: _firebase,
    _BCRYPT: lambda m: _bcrypt(m[0]),
}
