"""Administration, audit, API keys, and what other services may ask."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
import orjson
import pytest
import time_machine
from click.testing import CliRunner
from flask import Flask

from services.auth.accounts import deletions
from services.auth.models import Account, AuditEvent, db
from services.auth.sessions import revocations
from services.auth.settings import AuthSettings
from shared.chassis import service_tokens
from shared.chassis.clock import utcnow
from shared.chassis.testing.tokens import bearer
from tests.auth.authenticator import Authenticator
from tests.auth.conftest import AUTH, PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_passkeys import add as add_passkey
from tests.auth.test_passkeys import sign_in as sign_in_by_passkey
from tests.auth.test_second_factors import enable_totp
from tests.auth.test_sessions import at

ADA = "ada@example.org"
ROOT = "root@example.org"


def claims_of(pair: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(pair["access_token"], options={"verify_signature": False})
    return decoded


def id_of(person: Person) -> str:
    subject: str = claims_of(person.pair)["sub"]
    return subject


def test_disabling_ends_sessions_and_refuses_tokens_and_tells(
    admin: Person, new_account: NewPerson, mailbox: Mailbox, app: Flask
) -> None:
    ada = new_account()

    answer = admin.call("PATCH", f"accounts/{id_of(ada)}", is_active=False)

    assert (answer.status_code, answer.json["is_active"]) == (200, False)
    assert ada.refresh().json["code"] == "session_revoked"
    assert [message["email"] for message in mailbox.messages("account_disabled")] == [ADA, ADA]  # to two
    with app.app_context():
        members = db.session.scalars(db.select(revocations.Revocation.member)).all()
    assert any(member.startswith(f"account:{id_of(ada)}:") for member in members)


def test_enabled_again_means_signing_in_again(
    admin: Person, new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    admin.call("PATCH", f"accounts/{id_of(ada)}", is_active=False)
    admin.call("PATCH", f"accounts/{id_of(ada)}", is_active=True)

    assert ada.refresh().status_code == 401
    assert ada.sign_in()
    assert len(mailbox.messages("account_enabled")) == 2  # one for each subscriber


def test_roles_reach_the_next_token(admin: Person, new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()

    admin.call("PATCH", f"accounts/{id_of(ada)}", roles=["support", "admin"])
    ada.take(ada.refresh())

    assert claims_of(ada.pair)["roles"] == ["admin", "support"]
    assert mailbox.messages("roles_changed")[-1]["roles"] == ["admin", "support"]


def test_administrator_cannot_lock_itself_out(admin: Person) -> None:
    answer = admin.call("PATCH", f"accounts/{id_of(admin)}", roles=[])

    assert (answer.status_code, answer.json["code"]) == (409, "own_account")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "accounts"),
        ("GET", "audit"),
        ("GET", "audit/export"),
        ("PATCH", "accounts/018f0000-0000-7000-8000-000000000000"),
        ("POST", "accounts/018f0000-0000-7000-8000-000000000000/logout"),
        ("POST", "accounts/018f0000-0000-7000-8000-000000000000/mfa/reset"),
    ],
)
def test_others_may_not_administrate(new_account: NewPerson, method: str, path: str) -> None:
    assert new_account().call(method, path).json["code"] == "role_required"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "ad"}, [ADA]),
        ({"q": "%"}, []),
        ({"email": "ADA@example.org"}, [ADA]),
        ({"is_active": "false"}, []),
        ({"role": "admin"}, [ROOT]),
        ({}, [ADA, ROOT]),
    ],
)
def test_accounts_are_found(
    admin: Person, new_account: NewPerson, query: dict[str, str], expected: list[str]
) -> None:
    new_account()

    answer = admin.client.get(f"{AUTH}/accounts", query_string=query, headers=admin.headers)

    assert [item["email"] for item in answer.json["items"]] == expected


def test_pages_hold_every_account_once(admin: Person, new_account: NewPerson) -> None:
    new_account()
    seen, cursor = [], None
    while True:
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = admin.client.get(f"{AUTH}/accounts", query_string=query, headers=admin.headers).json
        seen += [item["email"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == [ADA, ROOT]


def test_administrator_sees_why_sign_ins_are_refused(
    admin: Person, new_account: NewPerson, stranger: NewPerson
) -> None:
    ada = new_account()
    for _ in range(10):
        stranger().post("login", email=ADA, password="a wrong guess")

    shown = admin.call("GET", f"accounts/{id_of(ada)}").json

    assert shown["name"] == "Ada"
    assert [refusal["kind"] for refusal in shown["refusals"]] == ["identifier"]
    assert shown["refusals"][0]["refusals"] == 2
    assert shown["refusals"][0]["blocked_until"] is not None


def test_administrator_sees_the_refusals_of_each_kind(admin: Person, new_account: NewPerson) -> None:
    ada = new_account()
    enable_totp(ada)
    ticket = ada.post("login", email=ADA, password=PASSWORD).json["mfa_token"]
    with time_machine.travel(utcnow(), tick=False):  # counts leak
        for _ in range(10):
            ada.post("login", email=ADA, password="a wrong guess")  # from the device that is known
            ada.post("mfa/verify", mfa_token=ticket, code="000000")

    refusals = admin.call("GET", f"accounts/{id_of(ada)}").json["refusals"]

    refused = {refusal["kind"]: refusal["refusals"] for refusal in refusals if refusal["refusals"]}
    assert refused == {"device": 2, "second_factor_device": 2}


def test_refusals_are_found_by_client_address_and_by_an_address_that_nobody_has(
    admin: Person, new_account: NewPerson, stranger: NewPerson
) -> None:
    nobody, place = "nobody@example.org", {"X-Forwarded-For": "198.51.100.7"}
    body = {"email": nobody, "password": "a wrong guess"}
    with time_machine.travel(utcnow(), tick=False):
        for number in range(52):
            guessed = {**body, "email": f"user{number}@example.org"}
            stranger().client.post(f"{AUTH}/login", json=guessed, headers=place)
        for _ in range(10):
            stranger().client.post(f"{AUTH}/login", json=body, headers={"X-Forwarded-For": "198.51.100.8"})

    def refusals(**query: str) -> list[tuple[str, int]]:
        answer = admin.client.get(f"{AUTH}/refusals", query_string=query, headers=admin.headers)
        return [(item["kind"], item["refusals"]) for item in answer.json["items"]]

    assert refusals(ip="198.51.100.7") == [("client", 2)]
    assert refusals(ip="198.51.100.9") == []
    assert refusals(email=nobody) == [("identifier", 2)]
    assert sorted(refusals()) == [("client", 2), ("identifier", 2)]
    assert admin.client.get(f"{AUTH}/refusals?ip=x", headers=admin.headers).status_code == 422
    assert new_account().call("GET", "refusals").status_code == 403


def test_administrator_signs_somebody_out_and_resets_lost_factors(
    admin: Person, new_account: NewPerson
) -> None:
    ada, authenticator = new_account(), Authenticator()
    enable_totp(ada)
    add_passkey(ada, authenticator)

    reset = admin.call("POST", f"accounts/{id_of(ada)}/mfa/reset")
    again = admin.call("POST", f"accounts/{id_of(ada)}/mfa/reset")
    out = admin.call("POST", f"accounts/{id_of(ada)}/logout")

    assert (reset.status_code, out.status_code) == (204, 204)
    assert (again.status_code, again.json["code"]) == (409, "second_factors_missing")
    assert sign_in_by_passkey(ada, authenticator).json["code"] == "passkey_invalid"
    assert ada.refresh().status_code == 401
    assert ada.sign_in()


def test_audit_says_who_did_what_to_whom_from_where(admin: Person, new_account: NewPerson) -> None:
    ada = new_account()
    admin.call("PATCH", f"accounts/{id_of(ada)}", roles=["support"])

    query = {"account_id": id_of(ada), "action": "roles_changed"}
    answer = admin.client.get(f"{AUTH}/audit", query_string=query, headers=admin.headers)

    (event,) = answer.json["items"]
    assert event["actor_id"] == id_of(admin)
    assert event["ip"] == "127.0.0.1"
    assert event["request_id"]
    assert event["details"] == {"before": [], "after": ["support"]}


def test_audit_is_exported_as_one_object_a_line(admin: Person, new_account: NewPerson) -> None:
    new_account()

    answer = admin.call("GET", "audit/export")

    actions = [orjson.loads(line)["action"] for line in answer.data.splitlines()]
    assert answer.content_type == "application/x-ndjson"
    assert {"registered", "email_verified", "signed_in", "admin_created"} <= set(actions)


def test_audit_cannot_be_rewritten(app: Flask, new_account: NewPerson) -> None:
    new_account()

    with app.app_context():
        statements = [
            db.update(AuditEvent).values(action="nothing"),
            db.delete(AuditEvent),
            db.text("TRUNCATE audit_events"),
        ]
        for statement in statements:
            for retention in ("off", "on"):  # which may forget what is old, and nothing else
                db.session.execute(db.text(f"SET LOCAL doorward.audit_retention = '{retention}'"))
                with pytest.raises(Exception, match="never changed"):
                    db.session.execute(statement)
                db.session.rollback()


def test_api_key_is_shown_once_and_works_until_it_is_deleted(
    admin: Person, app: Flask, internal_headers: dict[str, str]
) -> None:
    made = admin.call("POST", "api-keys", name="mailer", scopes=["notifications:send"]).json
    exchange = "/internal/api-keys/exchange"

    issued = admin.client.post(exchange, json={"key": made["key"]}, headers=internal_headers)
    listed = admin.call("GET", "api-keys").json["items"]
    deleted = admin.call("DELETE", f"api-keys/{made['id']}")
    after = admin.client.post(exchange, json={"key": made["key"]}, headers=internal_headers)

    claims = claims_of(issued.json)
    assert made["key"].startswith(made["prefix"])
    assert (claims["scope"], claims["roles"], claims["sid"]) == ("notifications:send", [], made["id"])
    assert "key" not in listed[0]
    assert listed[0]["last_used_at"] is not None
    assert (deleted.status_code, after.status_code) == (204, 401)
    assert after.json["code"] == "api_key_unknown"


@pytest.mark.parametrize("scope", ["notifications:send", "notifications:send:invoices"])
def test_only_administrators_grant_more_than_their_own_account(new_account: NewPerson, scope: str) -> None:
    ada = new_account()

    own = ada.call("POST", "api-keys", name="mine", scopes=["account"])
    other = ada.call("POST", "api-keys", name="theirs", scopes=[scope])

    assert (own.status_code, other.status_code) == (201, 403)
    assert other.json["code"] == "scope_not_grantable"


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("notifications:send:invoices", 201),
        ("notifications:send:", 422),
        ("notifications:send:Invoices", 422),
        ("notifications:send:a b", 422),
        ("notifications:send:a\n", 422),
        ("notifications:events:invoices", 422),
    ],
)
def test_key_can_be_confined_to_a_topic_of_messages(admin: Person, scope: str, status: int) -> None:
    made = admin.call("POST", "api-keys", name="billing", scopes=[scope])

    assert made.status_code == status
    if status == 201:
        assert made.json["scopes"] == [scope]
    else:
        assert "notifications:send:<topic>" in made.json["errors"][0]["detail"]


def test_api_key_expires(admin: Person, settings: AuthSettings) -> None:
    body = {"name": "short", "scopes": [], "expires_at": (utcnow()).isoformat()}
    assert admin.call("POST", "api-keys", **body).status_code == 422
    expires_at = utcnow().replace(year=utcnow().year + 1)
    made = admin.call("POST", "api-keys", name="year", scopes=[], expires_at=expires_at.isoformat()).json

    with at(days=370):
        headers = bearer(service_tokens.issue(settings, process="users"))
        answer = admin.client.post("/internal/api-keys/exchange", json={"key": made["key"]}, headers=headers)

    assert answer.json["code"] == "api_key_unknown"


def test_other_services_may_ask_for_an_account_and_nobody_else(
    new_account: NewPerson, internal_headers: dict[str, str]
) -> None:
    ada = new_account()
    path = f"/internal/accounts/{id_of(ada)}"

    answer = ada.client.get(path, headers=internal_headers)

    assert answer.json["email"] == ADA
    assert ada.client.get(path, headers=ada.headers).status_code == 401
    unknown = ada.client.get(f"/internal/accounts/{UUID(int=1)}", headers=internal_headers)
    assert unknown.json["code"] == "account_not_found"


def ask_for_deletion(person: Person, headers: dict[str, str], password: str) -> Any:
    body = {"password": password, "ip": "198.51.100.1", "user_agent": "test"}
    return person.client.post(f"/internal/accounts/{id_of(person)}/deletion", json=body, headers=headers)


def test_account_is_deleted_on_its_day(
    app: Flask, new_account: NewPerson, mailbox: Mailbox, internal_headers: dict[str, str]
) -> None:
    ada = new_account()

    wrong = ask_for_deletion(ada, internal_headers, "wrong")
    right = ask_for_deletion(ada, internal_headers, PASSWORD)
    with app.app_context():
        with at(days=13, hours=23):
            early = deletions.delete_due(utcnow())
        with at(days=14):
            late = deletions.delete_due(utcnow())
        left = db.session.query(Account).count()

    assert (wrong.status_code, right.status_code, early, late, left) == (401, 200, 0, 1, 0)
    told = mailbox.messages("account_deleted")
    assert [message["email"] for message in told] == [ADA, ADA]  # so that what was mailed there goes as well
    assert ada.refresh().status_code == 401


def test_signing_in_before_the_day_cancels_the_deletion(
    app: Flask, new_account: NewPerson, internal_headers: dict[str, str]
) -> None:
    ada = new_account()
    ask_for_deletion(ada, internal_headers, PASSWORD)

    ada.sign_in()

    with app.app_context(), at(days=15):
        assert deletions.delete_due(utcnow()) == 0


@pytest.fixture
def run_create_admin(
    settings: AuthSettings, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    from services.auth.commands import accounts

    monkeypatch.setattr(accounts, "create_app", lambda: app)
    return lambda *arguments: CliRunner().invoke(accounts.create_admin, arguments)


def test_command_makes_an_administrator_and_promotes_an_account(
    run_create_admin: Callable[..., Any], stranger: NewPerson, new_account: NewPerson
) -> None:
    ada = new_account()

    made = run_create_admin("--email", ROOT, "--password", PASSWORD)
    promoted = run_create_admin("--email", ADA)
    repeated = run_create_admin("--email", ROOT, "--password", PASSWORD)
    weak = run_create_admin("--email", ROOT, "--password", "password")
    bad = run_create_admin("--email", "nonsense", "--password", PASSWORD)

    assert "Created the administrator root@example.org" in made.output
    assert "Promoted" in promoted.output
    assert "Promoted" in repeated.output
    assert claims_of(stranger(ROOT).sign_in().pair)["roles"] == ["admin"]
    assert claims_of(ada.sign_in().pair)["roles"] == ["admin"]
    assert [weak.exit_code, bad.exit_code] == [2, 2]


def test_command_replaces_a_password_only_when_told_to_and_then_tells_the_owner(
    run_create_admin: Callable[..., Any], new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    other = ("--email", ADA, "--password", "another-harbour-77-lamp")

    refused = run_create_admin(*other)
    untouched = ada.refresh().status_code
    reset = run_create_admin(*other, "--reset-password")

    assert (refused.exit_code, reset.exit_code, untouched) == (2, 0, 200)
    assert ada.refresh().status_code == 401
    assert ada.post("login", email=ADA, password="another-harbour-77-lamp").status_code == 200
    assert len(mailbox.messages("password_changed")) == 1
