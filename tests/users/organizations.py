"""Organizations as a test uses them: people with accounts, the calls of the API, the mails in the outbox."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.users.models import Outbox, db
from shared.chassis.sealing import Sealer, message_purpose
from shared.chassis.testing.tokens import SECRET, access_token, bearer
from tests.users.conftest import FakeAccounts

ORGANIZATIONS = "/api/v1/users/organizations"
INVITATIONS = "/api/v1/users/invitations"


@dataclass
class Person:
    """Somebody with an account, and how that person calls."""

    id: UUID
    email: str
    client: FlaskClient

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Ask as this person."""
        options = {} if body is None else {"json": body}
        own = bearer(access_token(self.id)) | headers
        return self.client.open(path, method=method, headers=own, **options)

    def create(self, name: str = "Acme", **values: Any) -> str:
        """Make an organization; the path of it."""
        answer = self.call("POST", ORGANIZATIONS, {"name": name, **values})
        assert answer.status_code == 201, answer.text
        return f"{ORGANIZATIONS}/{answer.json['id']}"

    def invite(self, organization: str, email: str, role: str = "member") -> TestResponse:
        """Invite an address."""
        return self.call("POST", f"{organization}/invitations", {"email": email, "role": role})

    def accept(self, **proof: str) -> TestResponse:
        """Accept an invitation."""
        return self.call("POST", f"{INVITATIONS}/accept", proof)


def person(app: Flask, accounts: FakeAccounts, email: str, **values: Any) -> Person:
    """A new account and its person."""
    return Person(accounts.add(email, **values).id, email, app.test_client())


def add_member(app: Flask, owner: Person, organization: str, who: Person, role: str = "member") -> None:
    """Have somebody join by the mail of an invitation."""
    assert owner.invite(organization, who.email, role).status_code == 202
    assert who.accept(token=token_to(app, who.email)).status_code == 200


def sent(app: Flask, subscriber: str, name: str) -> list[dict[str, Any]]:
    """The bodies of the messages of that name that wait for the subscriber, oldest first."""
    sealer = Sealer([SECRET], message_purpose(subscriber))
    with app.app_context():
        wanted = db.select(Outbox.sealed).where(Outbox.subscriber == subscriber, Outbox.name == name)
        rows = db.session.scalars(wanted.order_by(Outbox.created_at)).all()
        db.session.rollback()
    return [orjson.loads(sealer.open(sealed))["body"] for sealed in rows]


def mails_to(app: Flask, email: str) -> list[dict[str, Any]]:
    """The mails that wait for the address, oldest first."""
    return [mail for mail in sent(app, "notifications", "send_email") if mail["to_email"] == email]


def token_to(app: Flask, email: str) -> str:
    """The token in the link of the newest mail to the address."""
    token: str = mails_to(app, email)[-1]["variables"]["link"].partition("#token=")[2]
    return token


def code_to(app: Flask, email: str) -> str:
    """The code of the newest mail to the address."""
    code: str = mails_to(app, email)[-1]["variables"]["code"]
    return code


def roles_in(who: Person, organization: str) -> dict[str, str]:
    """Every member's role, by account id."""
    items = who.call("GET", f"{organization}/members").json["items"]
    return {item["account_id"]: item["role"] for item in items}
