"""Step-up and administration: who may change what, and how lately they must have proven themselves."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import jwt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from services.auth.app import create_app
from services.auth.models import Account, db
from services.auth.settings import AuthSettings
from shared.chassis import service_tokens
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import bearer
from tests.auth.authenticator import Authenticator
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.locks import account_locked, waiting
from tests.auth.test_administration import ask_for_deletion
from tests.auth.test_introspection import exchange_answer
from tests.auth.test_passkeys import add
from tests.auth.test_second_factors import enable_totp
from tests.auth.test_sessions import at

ADA = "ada@example.org"
ROOT = "root@example.org"


@pytest.fixture
def ada(new_account: NewPerson) -> Person:
    return new_account()


def id_of(person: Person) -> str:
    return str(jwt.decode(person.pair["access_token"], options={"verify_signature": False})["sub"])


def acts(account_id: str) -> dict[str, Callable[[Person], TestResponse]]:
    """Every act of an administrator on an account."""
    path = f"accounts/{account_id}"
    nobody = "00000000-0000-7000-8000-000000000000"
    return {
        "create": lambda admin: admin.call("POST", "accounts", email="new@example.org"),
        "change": lambda admin: admin.call("PATCH", path, roles=["editor"]),
        "delete": lambda admin: admin.call("DELETE", path),
        "sign out": lambda admin: admin.call("POST", f"{path}/logout"),
        "unblock": lambda admin: admin.call("POST", f"{path}/unblock"),
        "reset factors": lambda admin: admin.call("POST", f"{path}/mfa/reset"),
        "end sessions": lambda admin: admin.call("DELETE", f"{path}/sessions"),
        "end a session": lambda admin: admin.call("DELETE", f"{path}/sessions/{nobody}"),
        "delete keys": lambda admin: admin.call("DELETE", f"{path}/api-keys"),
        "delete a key": lambda admin: admin.call("DELETE", f"{path}/api-keys/{nobody}"),
    }


ACTS = list(acts(""))


@pytest.mark.parametrize("act", ACTS)
def test_every_act_of_an_administrator_wants_a_recent_sign_in(admin: Person, ada: Person, act: str) -> None:
    with at(minutes=6):
        answer = acts(id_of(ada))[act](admin)

    assert (answer.status_code, answer.json["code"]) == (403, "fresh_sign_in_required")


def test_every_changing_route_of_accounts_is_among_the_acts(app: Flask) -> None:
    changing = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith("/api/v1/auth/accounts") and method in {"POST", "PATCH", "PUT", "DELETE"}
    }

    assert len(changing) == len(ACTS)


@pytest.mark.parametrize("act", ACTS)
def test_key_of_an_administrator_acts_on_nobody(
    admin: Person, ada: Person, settings: AuthSettings, act: str
) -> None:
    key = admin.call("POST", "api-keys", name="x", scopes=["account", "admin"]).json["key"]
    token = exchange_answer(admin, key, settings).json["access_token"]
    program = Person(admin.client, ROOT, PASSWORD, {"access_token": token})

    answer = acts(id_of(ada))[act](program)

    assert (answer.status_code, answer.json["code"]) == (403, "fresh_sign_in_required")


@pytest.mark.parametrize("act", ["change", "delete", "reset factors"])
def test_administrator_does_not_act_on_the_own_account(admin: Person, act: str) -> None:
    answer = acts(id_of(admin))[act](admin)

    assert (answer.status_code, answer.json["code"]) == (409, "own_account")


def test_two_administrators_who_demote_each_other_at_once_leave_one(
    app: Flask, service_database: ServiceDatabases, admin: Person, ada: Person
) -> None:
    admin.call("PATCH", f"accounts/{id_of(ada)}", roles=["admin"])
    with at(seconds=2):
        ada.sign_in()
    url = service_database("auth").url

    with ThreadPoolExecutor(2) as pool, account_locked(url, ADA):
        first = pool.submit(admin.call, "PATCH", f"accounts/{id_of(ada)}", roles=[])
        wait_until(lambda: waiting(url) == 1, what="the first, for the account")
        second = pool.submit(ada.call, "PATCH", f"accounts/{id_of(admin)}", roles=[])
        wait_until(lambda: waiting(url) == 2, what="the second, for the first")
    statuses = [first.result().status_code, second.result().status_code]

    with app.app_context():
        left = db.session.scalars(db.select(Account.email).where(Account.roles.contains(["admin"]))).all()
    assert statuses == [200, 403]
    assert left == [ROOT]


def test_last_administrator_cannot_leave(admin: Person, settings: AuthSettings) -> None:
    headers = bearer(service_tokens.issue(settings, process="users"))

    answer = ask_for_deletion(admin, headers, PASSWORD)

    assert (answer.status_code, answer.json["code"]) == (409, "last_administrator")


def test_proving_oneself_again_takes_the_second_factor_where_there_is_one(ada: Person) -> None:
    _, codes = enable_totp(ada)
    with at(minutes=6):
        stale = ada.call("POST", "mfa/recovery-codes")
        bare = ada.call("POST", "reauthenticate", password=PASSWORD)
        wrong = ada.call("POST", "reauthenticate", password=PASSWORD, code="000000")
        right = ada.call("POST", "reauthenticate", password=PASSWORD, code=codes[0])
        ada.take(right)
        fresh = ada.call("POST", "mfa/recovery-codes")
    claims = jwt.decode(right.json["access_token"], options={"verify_signature": False})

    assert [stale.status_code, bare.status_code, wrong.status_code] == [403, 401, 400]
    assert bare.json["code"] == "second_factor_required"
    assert fresh.status_code == 200
    assert "mfa" in claims["amr"]


def test_key_may_no_more_than_its_account_may_now(
    admin: Person, new_account: NewPerson, settings: AuthSettings
) -> None:
    bob = new_account("bob@example.org")
    admin.call("PATCH", f"accounts/{id_of(bob)}", roles=["admin"])
    with at(seconds=2):
        bob.sign_in()
        sending = ["notifications:send", "notifications:send:invoices"]
        scopes = ["account", "admin", *sending, "tokens:introspect"]
        key = bob.call("POST", "api-keys", name="x", scopes=scopes).json["key"]
        before = exchange_answer(bob, key, settings).json["access_token"]
        admin.call("PATCH", f"accounts/{id_of(bob)}", roles=[])
        after = exchange_answer(bob, key, settings).json["access_token"]
        introspected = admin.client.post(
            "/api/v1/auth/introspect", data={"token": key}, headers=admin.headers
        ).json

    def claims(token: str) -> tuple[str, list[str]]:
        found = jwt.decode(token, options={"verify_signature": False})
        return found["scope"], found["roles"]

    assert claims(before) == (" ".join(scopes), ["admin"])
    assert claims(after) == ("account", [])
    assert introspected["scope"] == "account"


@pytest.fixture
def open_app(settings: AuthSettings, app: Flask) -> Iterator[Callable[..., Flask]]:
    """auth with other settings, on the same database."""
    made: list[Flask] = []

    def make(**changes: object) -> Flask:
        values = settings.model_dump(exclude={"jwt_previous_secret_keys"}) | changes
        made.append(create_app(AuthSettings(**values)))
        return made[-1]

    yield make
    for each in made:
        with each.app_context():
            db.engine.dispose()


def test_scopes_of_the_team_s_own_services_can_be_given_by_anybody(
    ada: Person, open_app: Callable[..., Flask], settings: AuthSettings
) -> None:
    ada.client = open_app(scopes=["orders:read"]).test_client()

    made = ada.call("POST", "api-keys", name="x", scopes=["orders:read"])
    unknown = ada.call("POST", "api-keys", name="x", scopes=["orders:write"])
    token = exchange_answer(ada, made.json["key"], settings).json["access_token"]

    assert (made.status_code, unknown.status_code) == (201, 422)
    assert jwt.decode(token, options={"verify_signature": False})["scope"] == "orders:read"


@pytest.mark.parametrize(
    ("changes", "email", "code"),
    [
        ({"sign_up": "closed"}, "new@example.org", "sign_up_closed"),
        ({"sign_up": "invited"}, "new@example.org", "sign_up_closed"),
        ({"sign_up_domains": ["example.com"]}, "new@example.org", "domain_refused"),
        ({"refused_domains": ["example.org"]}, "new@mail.example.org", "domain_refused"),
        ({"sign_up_domains": ["example.org"]}, "new@example.org", None),
    ],
)
def test_sign_up_is_as_open_as_the_operator_wants(
    open_app: Callable[..., Flask], changes: dict[str, object], email: str, code: str | None
) -> None:
    client = open_app(**changes).test_client()

    answer = client.post("/api/v1/auth/register", json={"email": email, "password": PASSWORD})
    offer = client.get("/api/v1/auth/settings").json

    assert answer.json.get("code") == code
    assert offer["sign_up"] == changes.get("sign_up", "open")
    assert offer["password"]["minimum_length"] == 8


def test_refused_domain_cannot_be_moved_to(ada: Person, open_app: Callable[..., Flask]) -> None:
    ada.client = open_app(refused_domains=["evil.example.com"]).test_client()

    answer = ada.call("POST", "email/change", new_email="ada@evil.example.com", password=PASSWORD)

    assert answer.json["code"] == "domain_refused"


@pytest.mark.parametrize("by", ["code", "token"])
def test_invited_person_chooses_a_password_by_the_mail(
    admin: Person, stranger: NewPerson, mailbox: Mailbox, by: str
) -> None:
    made = admin.call("POST", "accounts", email="bob@example.org", name="Bob", roles=["editor"])
    again = admin.call("POST", "accounts", email="bob@example.org")
    bob = stranger("bob@example.org")
    with at(days=6):
        proof = {"email": bob.email, "code": mailbox.code("account_invitation", bob.email)}
        if by == "token":
            proof = {"token": mailbox.token("account_invitation", bob.email)}
        answer = bob.post("password/reset", password=PASSWORD, **proof)
        bob.sign_in()
    claims = jwt.decode(bob.pair["access_token"], options={"verify_signature": False})

    assert (made.status_code, made.json["name"], answer.status_code) == (201, "Bob", 204)
    assert (again.status_code, again.json["code"]) == (409, "address_taken")
    assert (claims["roles"], claims["email_verified"]) == (["editor"], True)


def test_administrator_sees_and_ends_sessions_and_keys(
    admin: Person, ada: Person, mailbox: Mailbox, settings: AuthSettings
) -> None:
    key = ada.call("POST", "api-keys", name="export", scopes=["account"]).json
    path = f"accounts/{id_of(ada)}"

    sessions = admin.call("GET", f"{path}/sessions").json["items"]
    keys = admin.call("GET", f"{path}/api-keys").json["items"]
    ended = admin.call("DELETE", f"{path}/sessions/{sessions[0]['id']}")
    deleted = admin.call("DELETE", f"{path}/api-keys/{key['id']}")

    assert ([item["current"] for item in sessions], [item["name"] for item in keys]) == ([False], ["export"])
    assert (ended.status_code, deleted.status_code) == (204, 204)
    assert ada.refresh().json["code"] == "session_revoked"
    assert exchange_answer(ada, key["key"], settings).status_code == 401
    assert mailbox.newest("api_key_deleted", ADA)["key_name"] == "export"


def test_all_sessions_and_keys_can_be_ended_at_once(admin: Person, ada: Person) -> None:
    for name in ("one", "two"):
        ada.call("POST", "api-keys", name=name, scopes=["account"])
    path = f"accounts/{id_of(ada)}"

    statuses = [admin.call("DELETE", f"{path}/{each}").status_code for each in ("sessions", "api-keys")]
    left = [admin.call("GET", f"{path}/{each}").json["items"] for each in ("sessions", "api-keys")]

    assert (statuses, left) == ([204, 204], [[], []])


@pytest.mark.usefixtures("stopped_clock")
def test_administrator_lets_an_account_in_again(admin: Person, ada: Person) -> None:
    ada.client.delete_cookie("__Host-doorward-device")
    for _ in range(12):
        ada.post("login", email=ADA, password="x")
    blocked = ada.post("login", email=ADA, password=PASSWORD).status_code

    admin.call("POST", f"accounts/{id_of(ada)}/unblock")

    assert blocked == 429
    assert ada.post("login", email=ADA, password=PASSWORD).status_code == 200


def test_administrator_deletes_an_account_after_the_days_of_grace(
    admin: Person, ada: Person, mailbox: Mailbox
) -> None:
    answer = admin.call("DELETE", f"accounts/{id_of(ada)}")
    ada.sign_in()
    shown = admin.call("GET", f"accounts/{id_of(ada)}").json
    events = admin.call("GET", f"audit?account_id={id_of(ada)}").json["items"]
    actors = {event["action"]: event["actor_id"] for event in events}

    assert answer.status_code == 202
    assert answer.json["deletes_at"] is not None
    assert shown["deletes_at"] is None
    assert (actors["deletion_asked"], actors["deletion_cancelled"]) == (id_of(admin), id_of(ada))
    assert {"account_deletion", "account_deletion_cancelled"} <= set(mailbox.templates(ADA))


def test_owner_sees_and_forgets_the_known_devices(ada: Person, stranger: NewPerson) -> None:
    other = stranger(ADA).sign_in()
    devices = ada.call("GET", "devices").json["items"]
    theirs = next(device for device in devices if not device["current"])

    statuses = [ada.call("DELETE", f"devices/{theirs['id']}").status_code for _ in range(2)]

    assert (len(devices), statuses) == (2, [204, 404])
    assert other.refresh().status_code == 200
    assert [device["current"] for device in ada.call("GET", "devices").json["items"]] == [True]


def test_owner_sees_what_was_done_to_the_account_and_by_whom(
    admin: Person, ada: Person, stranger: NewPerson
) -> None:
    stranger().post("login", email=ADA, password="wrong")
    ada.call("POST", "api-keys", name="export", scopes=["account"])
    admin.call("POST", f"accounts/{id_of(ada)}/unblock")

    events = ada.call("GET", "activity").json["items"]
    kinds = {event["action"]: event["actor_kind"] for event in events}
    made = next(event for event in events if event["action"] == "api_key_created")
    claims = jwt.decode(ada.pair["access_token"], options={"verify_signature": False})

    assert kinds == {
        "registered": "account",
        "email_verified": "account",
        "signed_in": "account",
        "sign_in_failed": "stranger",
        "api_key_created": "account",
        "account_unblocked": "account",
    }
    assert made["credential_id"] == claims["sid"]


def test_accounts_have_as_many_passkeys_as_one_may_have(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.auth.api_keys import keys
    from services.auth.factors import passkeys

    monkeypatch.setattr(passkeys, "MOST_PASSKEYS", 1)
    monkeypatch.setattr(keys, "MOST_KEYS", 1)

    added = [add(ada, Authenticator()) for _ in range(2)]
    made = [ada.call("POST", "api-keys", name="x", scopes=["account"]) for _ in range(2)]

    assert [answer.status_code for answer in (*added, *made)] == [201, 409, 201, 409]
    assert added[1].json["code"] == "too_many_credentials"


def test_account_whose_administrator_role_was_taken_acts_no_more_though_the_token_says_so(
    admin: Person, ada: Person, change_account: Callable[..., UUID]
) -> None:
    change_account(ROOT, roles=[])

    answer = admin.call("POST", f"accounts/{id_of(ada)}/unblock")

    assert (answer.status_code, answer.json["code"]) == (403, "role_required")
