"""Forged, bent and broken access tokens: what an attacker could send, with and without a key of ours.

Each case is a token that no verifier may take. Where ``signed`` by a key of ours, only its content is wrong: a
verifier must not lean on auth never writing such a thing.
"""

# ruff: noqa: E501

import base64
import hashlib
import hmac
import json
import secrets
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.chassis.ids import new_id
from shared.chassis.sealing import derive_key
from shared.chassis.signing_keys import key_id, public_jwk

Sign = Callable[[bytes], bytes]
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
UNSET = object()


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


@dataclass(frozen=True)
class Keys:
    """The keys of a running backend, which the attacker has only the public half of."""

    secret: str
    edwards: Ed25519PrivateKey
    curve: ec.EllipticCurvePrivateKey

    def header(self, algorithm: str, **changes: Any) -> dict[str, Any]:
        """What auth would write."""
        return {"alg": algorithm, "kid": self.kid(algorithm), "typ": "at+jwt", **changes}

    def kid(self, algorithm: str) -> str:
        return key_id(self.secret) if algorithm == "HS256" else self.jwk(algorithm)["kid"]

    def jwk(self, algorithm: str) -> dict[str, str]:
        key = self.edwards if algorithm == "EdDSA" else self.curve
        return public_jwk(algorithm, key.public_key())

    def sign(self, algorithm: str) -> Sign:
        signers: dict[str, Sign] = {
            "HS256": by_secret(self.secret.encode()),
            "EdDSA": self.edwards.sign,
            "ES256": by_curve(self.curve),
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


ALGORITHMS = ("HS256", "EdDSA", "ES256")


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
    for algorithm in ("EdDSA", "ES256"):
        jwk = keys.jwk(algorithm)
        public = (keys.edwards if algorithm == "EdDSA" else keys.curve).public_key()
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
            "x": base64.urlsafe_b64decode(jwk["x"] + "="),
            "x as text": jwk["x"].encode(),
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
    spelt = ["hs256", "HS256 ", "HMAC256", "RS256", "PS256", "ES384", "ES512", "ES256K", "Ed25519", "Ed448"]
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


def embedded(keys: Keys) -> Iterator[tuple[str, str]]:
    """A header that brings its own key, or says where one is, or what else to understand."""
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


def _wrong_claims() -> Mapping[str, list[Any]]:
    now = int(time.time())
    nothing = [UNSET, None, "", [], {}]
    return {
        "type": [*nothing, "refresh", "ACCESS", "id", ["access"]],
        "iss": [*nothing, "elsewhere", "Doorward", "doorward ", ["doorward"], "doorward.evil.example", 7],
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


def claimed(keys: Keys) -> Iterator[tuple[str, str]]:
    """Genuine signatures over claims that auth would never write, or that are over."""
    for number, (name, values) in enumerate(_wrong_claims().items()):
        for value in values:
            algorithm = ALGORITHMS[number % 3]
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


SOURCES = (
    unsigned, confused, crossed, foreign, embedded, typed, claimed, headed, spelt, mended,
)  # fmt: skip


def forgeries(keys: Keys) -> dict[str, str]:
    """Every case by its name."""
    found: dict[str, str] = {}
    for source in SOURCES:
        for name, forged in source(keys):
            found[f"{name} ({len(found)})" if name in found else name] = forged
    return found


def bent_headers(genuine: str, other: str) -> dict[str, list[bytes]]:
    """The values of Authorization in which a genuine token stands, but not as one bearer token."""
    good, second = genuine.encode(), other.encode()
    return {
        "no scheme": [good],
        "another scheme": [b"Token " + good],
        "Basic": [b"Basic " + base64.b64encode(b"x:" + good)],
        "scheme alone": [b"Bearer"],
        "scheme and a space": [b"Bearer "],
        "scheme grown": [b"Bearers " + good],
        "no space": [b"Bearer" + good],
        "a tab for a space": [b"Bearer\t" + good],
        "a colon": [b"Bearer: " + good],
        "a word behind": [b"Bearer " + good + b" x"],
        "a word before": [b"Bearer x " + good],
        "a parameter": [b"Bearer " + good + b"; x=y"],
        "by name": [b"Bearer token=" + good],
        "two in one": [b"Bearer " + good + b", Bearer " + second],
        "two schemes in one": [b"Basic eDp5, Bearer " + good],
        "twice alike": [b"Bearer " + good, b"Bearer " + good],
        "twice": [b"Bearer " + good, b"Bearer " + second],
        "good and bad": [b"Bearer " + good, b"Bearer x"],
        "bad and good": [b"Bearer x", b"Bearer " + good],
        "good and Basic": [b"Bearer " + good, b"Basic eDp5"],
        "nothing and good": [b"", b"Bearer " + good],
        "a letter that is none": [b"Bearer \xe4" + good],
    }
