"""What a token is worth (RFC 7662) and its end (RFC 7009), whatever it is signed with."""

from typing import Any

import jwt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from services.auth.settings import AuthSettings
from shared.chassis import service_tokens
from shared.chassis.testing.tokens import bearer
from tests.auth.conftest import AUTH, NewPerson, Person
from tests.auth.test_sessions import at


@pytest.fixture(params=["HS256", "EdDSA", "ES256", "RS256"])
def settings(settings: AuthSettings, request: pytest.FixtureRequest) -> AuthSettings:
    return settings.model_copy(update={"jwt_algorithms": [request.param]})


def form(person: Person, path: str, token: str, **more: str) -> Any:
    return person.client.post(f"{AUTH}/{path}", data={"token": token, **more}, headers=person.headers)


def introspect(person: Person, token: str, **more: str) -> dict[str, Any]:
    answer = form(person, "introspect", token, **more)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    told: dict[str, Any] = answer.json
    return told


def new_key(person: Person) -> str:
    key: str = person.call("POST", "api-keys", name="k", scopes=["account"]).json["key"]
    return key


def exchange(person: Person, key: str, settings: AuthSettings) -> str:
    """The access token that the edge puts in the place of the key."""
    token: str = exchange_answer(person, key, settings).json["access_token"]
    return token


def exchange_answer(person: Person, key: str, settings: AuthSettings) -> TestResponse:
    """What auth answers to the edge that came with the key."""
    headers = bearer(service_tokens.issue(settings, process="gateway"))
    return person.client.post("/internal/api-keys/exchange", json={"key": key}, headers=headers)


@pytest.mark.parametrize("hint", ["refresh_token", "pct"])
def test_introspection_tells_what_is_alive_whatever_the_hint(
    admin: Person, new_account: NewPerson, settings: AuthSettings, hint: str
) -> None:
    ada = new_account()
    key = new_key(admin)
    living = [
        *(ada.pair[kind] for kind in ("access_token", "refresh_token")),
        key,
        exchange(admin, key, settings),
    ]

    before = [introspect(admin, token, token_type_hint=hint) for token in living]
    ada.call("POST", "logout")
    form(admin, "revoke", key)
    after = [introspect(admin, token, token_type_hint=hint) for token in living]

    assert [told["active"] for told in before] == [True] * 4
    assert [told["token_type"] for told in before] == ["Bearer", "refresh_token", "api_key", "Bearer"]
    assert after == [{"active": False}] * 4


def test_introspection_tells_the_claims(admin: Person, new_account: NewPerson) -> None:
    ada = new_account()
    claims = jwt.decode(ada.pair["access_token"], options={"verify_signature": False})

    told = introspect(admin, ada.pair["access_token"])

    members = ("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "roles", "amr", "auth_time")
    assert told == {"active": True, "token_type": "Bearer", **{name: claims[name] for name in members}}


def test_unused_refresh_token_is_told_to_end_when_nobody_refreshes(
    admin: Person, new_account: NewPerson
) -> None:
    ada = new_account()

    told = introspect(admin, ada.pair["refresh_token"])
    issued = introspect(admin, ada.pair["access_token"])["iat"]
    with at(seconds=ada.pair["refresh_expires_in"] + 60):
        later = introspect(admin.sign_in(), ada.pair["refresh_token"])

    assert abs(told["exp"] - issued - ada.pair["refresh_expires_in"]) <= 2
    assert later == {"active": False}


def test_token_from_before_a_change_of_roles_is_not_active(
    admin: Person, new_account: NewPerson, settings: AuthSettings
) -> None:
    ada = new_account()
    old = [ada.pair["access_token"], exchange(ada, new_key(ada), settings)]
    account = introspect(admin, old[0])["sub"]

    admin.call("PATCH", f"accounts/{account}", roles=["support"])

    assert [introspect(admin, token) for token in old] == [{"active": False}] * 2
    assert introspect(admin, ada.take(ada.refresh()).pair["access_token"])["roles"] == ["support"]


def test_what_is_no_token_is_not_active_and_revoked_without_a_word(admin: Person) -> None:
    tokens = ["nonsense", "dwk_x", "a.b.c", "\x00", "\x07bell", "\u20ac", " ", "x" * 8192]

    assert [introspect(admin, token) for token in tokens] == [{"active": False}] * len(tokens)
    assert {form(admin, "revoke", token).status_code for token in tokens} == {200}


@pytest.mark.parametrize("path", ["introspect", "revoke"])
def test_a_form_without_one_token_is_refused(admin: Person, path: str) -> None:
    def send(data: Any, **options: Any) -> tuple[int, str]:
        answer = admin.client.post(f"{AUTH}/{path}", data=data, headers=admin.headers, **options)
        return answer.status_code, answer.content_type

    bodies = [{}, {"token_type_hint": "access_token"}, {"token": ["a", "b"]}, {"token": "x" * 8193}]

    assert {send(body) for body in bodies} == {(400, "application/problem+json")}
    assert send(b'{"token": "x"}', content_type="application/json")[0] == 400
    assert admin.client.get(f"{AUTH}/{path}?token=x", headers=admin.headers).status_code == 405


def test_introspection_is_not_for_everybody(app: Flask, new_account: NewPerson) -> None:
    ada = new_account()

    answer = form(ada, "introspect", ada.pair["access_token"])
    nobody = app.test_client().post(f"{AUTH}/introspect", data={"token": "x"})

    assert (answer.status_code, answer.json["code"]) == (403, "scope_required")
    assert (nobody.status_code, nobody.headers["WWW-Authenticate"]) == (401, 'Bearer realm="doorward"')


@pytest.mark.parametrize(
    ("kind", "hint"), [("access_token", "refresh_token"), ("refresh_token", "access_token")]
)
def test_whoever_holds_a_token_may_revoke_it(
    app: Flask, new_account: NewPerson, kind: str, hint: str
) -> None:
    ada = new_account()
    form_of_it = {"token": ada.pair[kind], "token_type_hint": hint}

    answers = [app.test_client().post(f"{AUTH}/revoke", data=form_of_it) for _ in range(2)]

    assert [(answer.status_code, answer.data) for answer in answers] == [(200, b"")] * 2
    assert ada.refresh().json["code"] == "session_revoked"


def test_superseded_refresh_token_ends_its_session(new_account: NewPerson) -> None:
    ada = new_account()
    first = ada.pair["refresh_token"]
    ada.take(ada.refresh())

    form(ada, "revoke", first)

    assert ada.refresh().json["code"] == "session_revoked"


@pytest.mark.parametrize("is_exchanged", [True, False])
def test_revoked_api_key_is_gone(admin: Person, settings: AuthSettings, is_exchanged: bool) -> None:
    key = new_key(admin)

    form(admin, "revoke", exchange(admin, key, settings) if is_exchanged else key)

    assert admin.call("GET", "api-keys").json["items"] == []
