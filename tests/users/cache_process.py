"""A process of users that stops where it is told to, by lines of JSON: `python -m tests.users.cache_process`.

An operation can be stopped before its commit, after it, and after a profile was read from the database; "go"
has it go on. So the model can put anything in between, or kill the process there. Nothing of the cache is
touched: what stops an operation are events of SQLAlchemy.
"""

import json
import sys
from contextlib import suppress
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from services.users.app import create_app
from services.users.models import db
from services.users.settings import UsersSettings
from services.users.tasks import HANDLERS
from shared.chassis import errors
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts.internal import AccountBody
from shared.contracts.messages import RolesChanged

with suppress(ImportError):
    from services.users.deps import Deps
find_many: Any = None
with suppress(ImportError):
    from services.users.profiles.reading import find_many
with suppress(ImportError):  # the model runs against older releases too
    from services.users.profiles import Deps  # type: ignore[no-redef,attr-defined]

ME = "/api/v1/users/me"


class Accounts:
    """auth: what the model said last of each account."""

    def __init__(self) -> None:
        self.accounts: dict[UUID, AccountBody] = {}

    def get_account(self, account_id: UUID) -> AccountBody:
        if account_id not in self.accounts:
            raise errors.NotFound
        return self.accounts[account_id]


class Stops:
    """Where the present operation stops."""

    def __init__(self) -> None:
        self.wanted: set[str] = set()

    def at(self, place: str) -> None:
        if place in self.wanted:
            self.wanted.discard(place)
            say(stopped=place)
            assert hear() == {"do": "go"}


def say(**content: Any) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def hear() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    heard: dict[str, Any] = json.loads(line)
    return heard


def watch(app: Flask, stops: Stops) -> None:
    """Have the operations of ``app`` stop."""

    @event.listens_for(Session, "before_commit")
    def before_commit(session: Session) -> None:
        session.flush()
        stops.at("before_commit")

    @event.listens_for(Session, "after_commit")
    def after_commit(_session: Session) -> None:
        stops.at("after_commit")

    with app.app_context():

        @event.listens_for(db.engine, "after_cursor_execute")
        def after_execution(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.startswith("SELECT profiles") and "FOR UPDATE" not in statement:
                stops.at("after_select")


def do(app: Flask, accounts: Accounts, command: dict[str, Any]) -> dict[str, Any]:
    """The operation, and what it answered."""
    account_id = UUID(command["account"])
    if command["do"] == "relay":
        return relay(app)
    if command["do"] == "message":
        account = AccountBody.model_validate(command["body"])
        accounts.accounts[account_id] = account
        with app.app_context(), transaction(db):
            HANDLERS[RolesChanged](RolesChanged(account_id=account_id, roles=(), occurred_at=utcnow()))
        return {}
    accounts.accounts.setdefault(account_id, AccountBody.model_validate(command["body"]))
    if command.get("is_batch") and (shown := in_batch(app, account_id)):
        return shown
    client, headers = app.test_client(), bearer(access_token(account_id))
    if command["do"] == "write":
        answer = client.patch(ME, headers=headers, json={"name": command["name"]})
    else:
        answer = client.get(ME, headers=headers)
    shown = answer.json
    etag = answer.headers.get("ETag", "").strip('"')
    return {"status": answer.status_code, "id": shown.get("id"), "version": int(etag or 0)}


def in_batch(app: Flask, account_id: UUID) -> dict[str, Any] | None:
    """The profile as one of several; None where there is none yet, and in releases without such reads."""
    if find_many is None:
        return None
    with app.app_context():
        shown = find_many([account_id]).get(account_id)
    if shown is None:
        return None
    return {"status": 200, "id": json.loads(shown.content)["id"], "version": shown.version}


def relay(app: Flask) -> dict[str, Any]:
    """A step of the worker's relay, where the release has one."""
    try:
        from services.users.profiles import invalidations
    except ImportError:
        return {}
    with app.app_context():
        invalidations.repeat()
    return {}


def main() -> None:
    accounts, stops = Accounts(), Stops()
    app = create_app(UsersSettings.load(), deps=Deps(accounts=accounts))
    watch(app, stops)
    say(ready=True)
    while True:
        command = hear()
        stops.wanted = set(command.get("stops", ()))
        answer = do(app, accounts, command)
        stops.wanted = set()
        say(done=True, **answer)


if __name__ == "__main__":
    main()
