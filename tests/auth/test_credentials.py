"""Every kind of credential has a decision on what ends it, and ends when the list says so."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from services.auth.accounts.credentials import KINDS, Kind, Occasion
from services.auth.models import Account, EmailUndo, Membership, db
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from tests.auth.authenticator import Authenticator
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_passkeys import add
from tests.auth.test_second_factors import challenge, enable_totp
from tests.auth.test_sessions import at

DOCS = Path(__file__).parents[2] / "docs/auth.md"
ORDER = (Occasion.RESET, Occasion.CHANGE, Occasion.ADDRESS, Occasion.SIGN_OUT)  # of the columns
ADA = "ada@example.org"
NEXT = "quiet-meadow-41-lantern"


def of_accounts() -> set[str]:
    """The tables whose rows belong to an account and go with it."""
    accounts = Account.__table__
    return {
        table.name
        for table in db.metadata.tables.values()
        if any(key.column.table is accounts for key in table.foreign_keys)
    }


def test_every_table_of_an_account_has_a_decision() -> None:
    assert {kind.table for kind in KINDS} == of_accounts()


def test_documentation_says_the_same() -> None:
    rows = [line.split("|")[1:-1] for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    said = {
        table: frozenset(occasion for occasion, cell in zip(ORDER, cells, strict=True) if "end" in cell)
        for name, *cells in rows
        if len(cells) == len(ORDER)
        for table in re.findall(r"`(\w+)`", name)
    }

    assert said == {kind.table: kind.ends_at for kind in KINDS}


def test_every_decision_has_a_reason() -> None:
    assert [kind.table for kind in KINDS if not kind.reason or bool(kind.ends_at) != bool(kind.end)] == []


@pytest.fixture
def everything(app: Flask, new_account: NewPerson, mailbox: Mailbox) -> Person:
    """An account with something in each of its tables."""
    ada = new_account()
    _, ada.recovery_codes = enable_totp(ada)
    challenge(ada)
    add(ada, Authenticator(), name="phone")
    ada.call("POST", "api-keys", name="export", scopes=["account"])
    ada.post("email-code", email=ADA)
    with app.app_context():  # as if this address had been another's before
        account_id, now = db.session.scalars(db.select(Account.id)).one(), utcnow()
        undo = {"token_hash": "x", "account_id": account_id, "old_email": "former@example.org"}
        db.session.add(EmailUndo(**undo, created_at=now, expires_at=now + timedelta(days=7)))
        db.session.add(Membership(account_id=account_id, organization_id=new_id(), role="member", version=1))
        db.session.commit()
    mailbox.messages()
    return ada


def reset(ada: Person, mailbox: Mailbox, **options: bool) -> None:
    ada.post("password/forgot", email=ADA)
    code = mailbox.code("password_reset")
    answer = ada.post("password/reset", email=ADA, code=code, password=NEXT, **options)
    assert answer.status_code == 204, answer.json


def change(ada: Person, _mailbox: Mailbox) -> None:
    answer = ada.call("POST", "password/change", current_password=PASSWORD, new_password=NEXT)
    assert answer.status_code == 204, answer.json


def move(ada: Person, mailbox: Mailbox) -> None:
    body = {"new_email": "new@example.org", "password": PASSWORD, "code": ada.recovery_codes[0]}
    ada.call("POST", "email/change", **body)
    code = mailbox.code("email_change_confirm")
    assert ada.call("POST", "email/change/confirm", code=code).status_code == 204


def sign_out(ada: Person, _mailbox: Mailbox) -> None:
    assert ada.call("POST", "logout-all").status_code == 204


OCCASIONS: dict[Occasion, Callable[[Person, Mailbox], None]] = {
    Occasion.RESET: reset,
    Occasion.CHANGE: change,
    Occasion.ADDRESS: move,
    Occasion.SIGN_OUT: sign_out,
}
OWN = {  # how many are left to whoever causes it: the session and the device
    Occasion.RESET: (0, 0),
    Occasion.CHANGE: (1, 1),
    Occasion.ADDRESS: (1, 1),
    Occasion.SIGN_OUT: (0, 1),
}


def left(app: Flask, kind: Kind) -> int:
    """How many of the kind still open the account."""
    with app.app_context():
        found = db.select(db.func.count()).select_from(kind.model)
        if kind.table == "sessions":
            found = found.where(kind.model.ended_at.is_(None))
        if kind.table == "challenges":
            found = found.where(kind.model.consumed_at.is_(None))
        return int(db.session.scalar(found) or 0)


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_occasion_ends_what_the_list_says(
    app: Flask, everything: Person, mailbox: Mailbox, occasion: Occasion
) -> None:
    before = {kind.table: left(app, kind) for kind in KINDS}

    with at(minutes=2):
        OCCASIONS[occasion](everything, mailbox)
        after = {kind.table: left(app, kind) for kind in KINDS}

    spared = dict(zip(("sessions", "devices"), OWN[occasion], strict=True))
    expected = {
        kind.table: spared.get(kind.table, 0) if occasion in kind.ends_at else before[kind.table]
        for kind in KINDS
    }
    if occasion is Occasion.ADDRESS:  # which takes a code, and makes a link back
        expected |= {"recovery_codes": expected["recovery_codes"] - 1, "email_undos": 2}
    assert [table for table, count in before.items() if count == 0] == []
    assert after == expected


def test_reset_keeps_the_keys_and_passkeys_that_the_owner_wants(
    app: Flask, everything: Person, mailbox: Mailbox
) -> None:
    with at(minutes=2):
        reset(everything, mailbox, keep_api_keys=True, keep_passkeys=True)

    counts = {kind.table: left(app, kind) for kind in KINDS if kind.names is not None}
    told = mailbox.messages("password_changed")[-1]
    assert counts == {"api_keys": 1, "passkeys": 1}
    assert (told["living_api_keys"], told["living_passkeys"]) == (["export"], ["phone"])
    assert (told["ended_api_keys"], told["ended_passkeys"]) == ([], [])


def test_signing_out_everywhere_tells_what_lives_on(everything: Person, mailbox: Mailbox) -> None:
    sign_out(everything, mailbox)

    told = mailbox.newest("signed_out_everywhere", ADA)
    assert (told["living_api_keys"], told["living_passkeys"]) == ("export", "phone")


# What is told of each kind when it is made and removed; or why nothing is.
TOLD = {
    "api_keys": ["api_key_created", "api_key_deleted"],
    "passkeys": ["passkey_added", "passkey_removed"],
    "totp_factors": ["totp_enabled", "totp_removed"],
    "recovery_codes": ["recovery_codes_renewed"],
}
SILENT = {
    "sessions": "told where the device is not known: test_throttling, and below",
    "devices": "known by a sign-in that was told",
    "tickets": "of some minutes, and of whoever has the password; wrong factors are told",
    "challenges": "a mail to the owner itself",
    "email_undos": "a mail to the owner itself",
    "memberships": "open nothing by themselves",
}


def test_every_kind_is_told_or_has_a_reason_not_to_be() -> None:
    assert {kind.table for kind in KINDS} == TOLD.keys() | SILENT.keys()


def test_owner_is_told_of_every_credential_made_or_removed(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    enable_totp(ada)
    ada.call("POST", "mfa/recovery-codes")
    passkey = add(ada, Authenticator()).json
    key = ada.call("POST", "api-keys", name="export", scopes=["account"]).json
    for path in (f"passkeys/{passkey['id']}", f"api-keys/{key['id']}"):
        assert ada.call("DELETE", path).status_code == 204
    assert ada.call("DELETE", "mfa/totp", password=PASSWORD).status_code == 204

    mails = [mail for mail in mailbox.messages() if mail["to_email"] == ADA]
    told = [mail["variables"].get("change", mail["template"]) for mail in mails]
    named = [mail["variables"]["key_name"] for mail in mails if mail["template"].startswith("api_key")]

    acts = {act for kind in TOLD.values() for act in kind}
    assert sorted(act for act in told if act in acts) == sorted(acts)
    assert named == ["export", "export"]


def test_key_that_is_revoked_by_its_holder_is_told_by_mail(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    key = ada.call("POST", "api-keys", name="export", scopes=["account"]).json["key"]

    ada.client.post("/api/v1/auth/revoke", data={"token": key})

    assert mailbox.newest("api_key_deleted", ADA)["key_name"] == "export"


def test_third_wrong_second_factor_of_a_day_is_told_by_mail_once(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    enable_totp(ada)
    ticket = challenge(ada)
    told = []
    for _ in range(5):
        ada.post("mfa/verify", mfa_token=ticket, code="wrong-wrong")
        told.append(mailbox.templates(ADA).count("second_factor_failed"))

    assert told == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("place", [{}, {"REMOTE_ADDR": "198.51.100.7"}, {"HTTP_USER_AGENT": "Other/1.0"}])
def test_sign_in_without_the_device_s_token_is_told_whatever_the_client_calls_itself(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox, place: dict[str, str]
) -> None:
    new_account()
    body = {"email": ADA, "password": PASSWORD}

    for _ in range(2):  # the second is of the same program on the same network, within a day
        answer = stranger().client.post("/api/v1/auth/login", json=body, environ_overrides=place)
        assert answer.status_code == 200
    from_elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    stranger().client.post("/api/v1/auth/login", json=body, environ_overrides=from_elsewhere)

    assert len(mailbox.messages("signed_in_from_new_device")) == 2


def test_first_sign_in_after_a_reset_is_told(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    with at(minutes=2):
        reset(ada, mailbox)
        answer = stranger().post("login", email=ADA, password=NEXT)

    assert answer.status_code == 200
    assert len(mailbox.messages("signed_in_from_new_device")) == 1


@pytest.mark.parametrize("by", ["password", "mail"])
def test_first_sign_in_to_an_account_that_was_made_for_somebody_is_told(
    admin: Person, stranger: NewPerson, mailbox: Mailbox, by: str
) -> None:
    """Its owner may have had it in another system for years, and a thief the password."""
    admin.call("POST", "accounts", email=ADA)
    ada = stranger(ADA)
    if by == "password":
        code = mailbox.code("account_invitation", ADA)
        ada.post("password/reset", email=ADA, code=code, password=PASSWORD)
        ada.sign_in()
    else:
        with at(minutes=2):
            ada.post("email-code", email=ADA)
            ada.take(ada.post("email-code/verify", email=ADA, code=mailbox.code("sign_in_code", ADA)))

    told = [mail["email"] for mail in mailbox.messages("signed_in_from_new_device")]
    assert told == [admin.email, ADA]


@pytest.mark.parametrize(
    ("ask", "prove"), [("register", "verify-email"), ("email-code", "email-code/verify")]
)
def test_sign_in_that_makes_the_account_is_not_told(
    stranger: NewPerson, mailbox: Mailbox, ask: str, prove: str
) -> None:
    ada = stranger(ADA)
    ada.post("register", email=ADA, password=PASSWORD)
    mailbox.messages()
    with at(minutes=2):
        ada.post(ask, email=ADA, **({"password": PASSWORD} if ask == "register" else {}))
        template = "verify_email" if ask == "register" else "sign_in_code"
        ada.take(ada.post(prove, email=ADA, code=mailbox.code(template, ADA)))

    assert mailbox.messages("signed_in_from_new_device") == []


def test_devices_of_an_account_are_bounded(app: Flask, new_account: NewPerson, stranger: NewPerson) -> None:
    new_account()

    for _ in range(22):
        stranger().post("login", email=ADA, password=PASSWORD)

    devices = next(kind for kind in KINDS if kind.table == "devices")
    assert left(app, devices) == 20
