"""Tokens that a process remembers as verified: bounded, never longer than they live, nor than their key."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, g
from flask_jwt_extended import current_user, get_jwt, get_jwt_header
from jwt.exceptions import PyJWTError

from shared.chassis import access_tokens
from shared.chassis.access_tokens import TokenExpired, TokenInvalid
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.settings import ProcessSettings
from shared.chassis.signing_keys import VerificationKey, public_jwk, read_jwk
from shared.chassis.testing.tokens import SECRET, access_token, bearer
from shared.chassis.verified_tokens import VerifiedToken, VerifiedTokens
from shared.contracts import tokens

Verify = Callable[[str], dict[str, Any]]


@pytest.fixture
def published() -> dict[str, VerificationKey]:
    """auth's public keys, which can be withdrawn."""
    return {}


@pytest.fixture
def app(published: dict[str, VerificationKey]) -> Iterator[Flask]:
    """A process that remembers."""
    app = Flask(__name__)
    settings = ProcessSettings(
        jwt_secret_key=SECRET,
        jwt_algorithms=["HS256", "EdDSA"],
        public_url="http://127.0.0.1:8080",
        redis_url="redis://127.0.0.1",
    )
    access_tokens.install(app, settings, published.get, verified=VerifiedTokens())
    with app.app_context():
        yield app


@pytest.fixture(params=["of the request", "that came otherwise"])
def verify(app: Flask, request: pytest.FixtureRequest) -> Verify:
    """Verify a token in one of the two ways there are."""

    def from_request(token: str) -> dict[str, Any]:
        with app.test_request_context("/", headers=bearer(token)):
            return access_tokens.verify_request()

    return from_request if request.param == "of the request" else access_tokens.verify


def signed_by(key: Ed25519PrivateKey) -> str:
    claims = jwt.decode(access_token(new_id()), options={"verify_signature": False})
    header = {"kid": public_jwk("EdDSA", key.public_key())["kid"], "typ": tokens.ACCESS_TYPE}
    return jwt.encode(claims, key, algorithm="EdDSA", headers=header)


def test_signature_is_checked_once(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    token = access_token(new_id(), roles=("admin",))
    first = verify(token)
    monkeypatch.setattr(jwt, "decode", None)
    monkeypatch.setattr(access_tokens, "verify_jwt_in_request", None)

    assert verify(token) == first


def test_flask_jwt_extended_knows_the_caller_of_a_remembered_token_too(app: Flask) -> None:
    manager = app.extensions["flask-jwt-extended"]
    manager.user_lookup_loader(lambda header, claims: (header["alg"], claims["sub"]))
    account_id = new_id()

    def seen() -> tuple[Any, ...]:
        with app.test_request_context("/", headers=bearer(token)):
            access_tokens.verify_request()
            known = {name: value for name, value in vars(g).items() if name.startswith("_jwt_extended")}
            return current_user._get_current_object(), get_jwt(), get_jwt_header(), sorted(known)

    token = access_token(account_id)
    first = seen()

    assert first[0] == ("HS256", str(account_id))
    assert seen() == first


def test_token_that_did_not_come_with_the_request_is_not_its_callers(app: Flask) -> None:
    token = access_token(new_id())
    access_tokens.verify(token)

    with app.test_request_context("/"):
        access_tokens.verify(token)

        with pytest.raises(RuntimeError):
            get_jwt()


def test_remembered_token_expires_in_time(verify: Verify) -> None:
    token = access_token(new_id())
    verify(token)

    with time_machine.travel(int(time.time()) + 900, tick=False), pytest.raises(TokenExpired):
        verify(token)


def test_remembered_token_falls_with_its_key(verify: Verify, published: dict[str, VerificationKey]) -> None:
    key = Ed25519PrivateKey.generate()
    jwk = public_jwk("EdDSA", key.public_key())
    published[jwk["kid"]] = read_jwk(jwk)
    token = signed_by(key)
    verify(token)

    published.clear()

    with pytest.raises(TokenInvalid):
        verify(token)


def test_token_that_resembles_a_remembered_one_is_read_anew(verify: Verify) -> None:
    token = access_token(new_id())
    verify(token)
    forged = access_token(new_id(), roles=("admin",)).rsplit(".", 1)[0] + "." + token.rsplit(".", 1)[1]

    for another in (forged, token[:-1] + ("A" if token[-1] != "A" else "B"), f"{token}."):
        with pytest.raises((TokenInvalid, PyJWTError)):
            verify(another)


def test_what_a_caller_does_to_the_claims_is_not_remembered(verify: Verify) -> None:
    token = access_token(new_id())
    verify(token)["scope"] = "account"

    assert "scope" not in verify(token)


def test_memory_is_bounded_and_keeps_the_newer_half_of_the_living() -> None:
    memory = VerifiedTokens(most=4)
    now = int(utcnow().timestamp())
    living = VerifiedToken({}, {"exp": now + 900})
    for name, known in [("a", living), ("b", VerifiedToken({}, {"exp": now})), ("c", living), ("d", living)]:
        memory.remember(name, known)

    memory.remember("e", living)
    after_the_first = [name for name in "abcde" if memory.find(name)]
    memory.remember("f", living)
    memory.remember("g", living)

    assert after_the_first == ["c", "d", "e"]
    assert [name for name in "abcdefg" if memory.find(name)] == ["e", "f", "g"]


def test_whoever_reads_the_memory_finds_no_token() -> None:
    memory = VerifiedTokens()
    token = access_token(new_id())
    memory.remember(token, VerifiedToken({}, {"exp": 0}))

    assert token not in repr(vars(memory))
