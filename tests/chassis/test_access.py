"""Tokens at a service: only a whole, present, own access token opens a route."""

import base64
import json
import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.chassis import access_tokens, service_tokens
from shared.chassis.access import caller_from
from shared.chassis.access_tokens import TokenExpired, TokenInvalid, TokenMissing
from shared.chassis.ids import new_id
from shared.chassis.sealing import derive_key
from shared.chassis.signing_keys import key_id
from shared.chassis.testing.tokens import SECRET, access_token, bearer
from tests.chassis.conftest import Mini

WHO = new_id()


def with_claims(**claims: object) -> str:
    return access_token(WHO, claims=claims)


def unsigned() -> str:
    _, payload, _ = access_token(WHO).split(".")
    none = base64.urlsafe_b64encode(
        json.dumps({"alg": "none", "typ": "at+jwt", "kid": key_id(SECRET)}).encode()
    )
    return f"{none.decode().rstrip('=')}.{payload}."


def signed_with_another_algorithm() -> str:
    claims = jwt.decode(access_token(WHO), options={"verify_signature": False})
    headers = {"kid": key_id(SECRET), "typ": "at+jwt"}
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def stronger_hash_of_our_own_secret() -> str:
    claims = jwt.decode(access_token(WHO), options={"verify_signature": False})
    headers = {"kid": key_id(SECRET), "typ": "at+jwt"}
    return jwt.encode(claims, SECRET * 2, algorithm="HS512", headers=headers)


def tampered() -> str:
    header, _, signature = access_token(WHO).split(".")
    payload = with_claims(roles=["admin"]).split(".")[1]
    return f"{header}.{payload}.{signature}"


def service_token() -> str:
    claims = {"iss": "doorward", "aud": "internal", "sub": "users", "iat": 0, "exp": 2**31}
    headers = {"kid": key_id(SECRET), "typ": "service+jwt"}
    return jwt.encode(claims, derive_key(SECRET, "service-token"), algorithm="HS256", headers=headers)


WRONG: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: with_claims(exp=int(time.time()) - 1), "token_expired"),
    "expired long ago": (lambda: with_claims(exp=int(time.time()) - 3600), "token_expired"),
    "not yet": (lambda: with_claims(nbf=int(time.time()) + 600), "token_invalid"),
    "issued in the future": (lambda: with_claims(iat=int(time.time()) + 600), "token_invalid"),
    "another audience": (lambda: with_claims(aud="internal"), "token_invalid"),
    "another issuer": (lambda: with_claims(iss="elsewhere"), "token_invalid"),
    "no audience": (lambda: with_claims(aud=None), "token_invalid"),
    "refresh as access": (lambda: with_claims(type="refresh"), "token_invalid"),
    "subject is no id": (lambda: with_claims(sub="admin"), "token_invalid"),
    "subject is a number": (lambda: with_claims(sub=7), "token_invalid"),
    "organization is no object": (lambda: with_claims(org=7), "token_invalid"),
    "organization has no id": (lambda: with_claims(org={"role": "owner"}), "token_invalid"),
    "organization's id is none": (lambda: with_claims(org={"id": "x", "role": "owner"}), "token_invalid"),
    "roles are no list": (lambda: with_claims(roles=7), "token_invalid"),
    "another type": (lambda: access_token(WHO, header={"typ": "JWT"}), "token_invalid"),
    "unknown key": (lambda: access_token(WHO, secret="x" * 40), "token_invalid"),
    "foreign key under our id": (
        lambda: access_token(WHO, secret="x" * 40, header={"kid": key_id(SECRET)}),
        "token_invalid",
    ),
    "no key id": (lambda: access_token(WHO, header={"kid": None}), "token_invalid"),
    "unsigned": (unsigned, "token_invalid"),
    "another algorithm": (signed_with_another_algorithm, "token_invalid"),
    "another hash": (stronger_hash_of_our_own_secret, "token_invalid"),
    "critical extension": (
        lambda: access_token(WHO, header={"crit": ["b64"], "b64": False}),
        "token_invalid",
    ),
    "tampered": (tampered, "token_invalid"),
    "service token": (service_token, "token_invalid"),
    "not a token": (lambda: "abc", "token_invalid"),
    "three dots": (lambda: "...", "token_invalid"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_token_is_refused(mini: Mini, name: str) -> None:
    make, code = WRONG[name]

    answer = mini.app.test_client().get("/signed-in", headers=bearer(make()))

    assert (answer.status_code, answer.json["code"]) == (401, code)
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("seconds", [1, 3600])
def test_a_token_that_came_otherwise_is_refused_from_its_last_second_on(mini: Mini, seconds: int) -> None:
    token = with_claims(exp=int(time.time()) - seconds)

    with mini.app.app_context(), pytest.raises(TokenExpired):
        access_tokens.verify(token)


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "Bearer a b c", "bearer"])
def test_unusable_header_is_refused(mini: Mini, header: str) -> None:
    answer = mini.app.test_client().get("/signed-in", headers={"Authorization": header})

    assert answer.status_code == 401


def test_good_token_opens(mini: Mini) -> None:
    answer = mini.app.test_client().get("/signed-in", headers=bearer(access_token(WHO)))

    assert answer.json == {"account_id": str(WHO)}


@pytest.mark.parametrize(
    ("path", "claims", "status", "code"),
    [
        ("/admin", {}, 403, "role_required"),
        ("/admin", {"roles": ["admin"]}, 200, None),
        ("/signed-in", {"scope": "things:read"}, 403, "scope_required"),
        ("/signed-in", {"scope": "account"}, 200, None),
        ("/scoped", {}, 403, "scope_required"),
        ("/scoped", {"scope": "things:write"}, 403, "scope_required"),
        ("/scoped", {"scope": "things:write", "roles": ["admin"]}, 403, "scope_required"),
        ("/scoped", {"scope": "things:read other"}, 200, None),
        ("/scoped", {"roles": ["admin"]}, 200, None),
    ],
)
def test_roles_and_scopes_decide(
    mini: Mini, path: str, claims: dict[str, object], status: int, code: str | None
) -> None:
    answer = mini.app.test_client().get(path, headers=bearer(with_claims(**claims)))

    assert answer.status_code == status
    assert answer.json.get("code") == code


def test_internal_route_takes_service_tokens_and_nothing_else(mini: Mini) -> None:
    client = mini.app.test_client()
    own = service_tokens.issue(mini.settings, process="users")

    assert client.get("/inside", headers=bearer(own)).status_code == 200
    for token in (access_token(WHO, roles=("admin",)), with_claims(aud="internal"), "abc", ""):
        answer = client.get("/inside", headers=bearer(token))
        assert (answer.status_code, answer.json["code"]) == (401, "service_token_invalid")


def test_claims_that_name_nobody_are_refused() -> None:
    for claims in ({}, {"sub": "nobody"}, {"sub": str(WHO), "scope": 7}):
        with pytest.raises(TokenInvalid):
            caller_from(claims)


def test_request_without_a_token_is_told_so(mini: Mini) -> None:
    with mini.app.test_request_context("/"), pytest.raises(TokenMissing):
        access_tokens.verify_request()


def test_service_token_comes_as_a_bearer_token(mini: Mini) -> None:
    headers = {"Authorization": f"Basic {service_token()}"}

    assert mini.app.test_client().get("/inside", headers=headers).status_code == 401
