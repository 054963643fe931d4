"""A copy of all that is held: collected from every service, encrypted at rest, read by its owner alone."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.users.deps import Deps
from services.users.exports import collecting
from services.users.housekeeping import chores
from services.users.models import Export, ExportChunk, ExportPart, Outbox, db
from services.users.settings import UsersSettings
from shared.chassis import errors, holdings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.housekeeping import Housekeeper
from shared.chassis.ids import new_id
from shared.chassis.internal_client import ServiceUnavailable
from shared.chassis.sealing import SealBroken
from shared.chassis.testing.tokens import access_token, bearer
from tests.users.conftest import FakeAccounts, Headers
from tests.users.test_leaving import deleted

EXPORT = "/api/v1/users/me/export"
EVIL = "<script>alert(1)</script>"


class FakeService:
    """Another service: what it holds, and how often it breaks off first."""

    def __init__(self, *rows: tuple[str, dict[str, Any]], failures: int = 0, cuts: int = 0) -> None:
        self.rows = rows
        self.failures = failures
        self.cuts = cuts

    def export(self, _account_id: UUID) -> Iterator[bytes]:
        if self.failures:
            self.failures -= 1
            raise errors.TooManyRequests(retry_after_seconds=1) if self.failures else ServiceUnavailable
        for table, row in self.rows:
            yield orjson.dumps({"table": table, "row": row})
        if self.cuts:
            self.cuts -= 1
            return
        yield holdings.END


@pytest.fixture
def services() -> dict[str, FakeService]:
    return {
        "auth": FakeService(("accounts", {"email": "ada@example.org"}), ("sessions", {"ip": "192.0.2.1"})),
        "notifications": FakeService(*(("messages", {"template": EVIL, "n": n}) for n in range(3000))),
    }


@pytest.fixture
def app(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    services: dict[str, FakeService],
) -> Flask:
    return make_app(settings, deps=Deps(accounts=accounts, services=services))


@pytest.fixture
def ada(accounts: FakeAccounts) -> UUID:
    return accounts.add().id


def fresh(account_id: UUID, *, seconds_ago: int = 0, **claims: object) -> dict[str, str]:
    """The headers of somebody who has signed in so long ago."""
    return bearer(access_token(account_id, claims={"auth_time": int(time.time()) - seconds_ago, **claims}))


def collect(app: Flask, *, at_most: int = 10) -> int:
    """What the worker's relay does, whenever the parts are due; how many steps."""
    with app.app_context():
        for step in range(at_most):
            with transaction(db) as session:
                session.execute(db.update(ExportPart).values(next_attempt_at=utcnow()))
            if not collecting.collect_next():
                return step
    raise AssertionError("it never ends")


def ask(client: FlaskClient, headers: dict[str, str]) -> str:
    answer = client.post(EXPORT, headers=headers)
    assert answer.status_code == 202
    return f"{EXPORT}/{answer.json['id']}"


def mails(app: Flask) -> int:
    with app.app_context():
        count = db.session.query(Outbox).filter_by(name="send_email").count()
        db.session.rollback()
    return int(count)


def test_copy_has_what_every_service_holds(app: Flask, client: FlaskClient, ada: UUID) -> None:
    path = ask(client, fresh(ada))
    waiting = client.get(path, headers=fresh(ada)).json
    assert (waiting["status"], set(waiting["services"].values())) == ("collecting", {"waiting"})

    assert collect(app) == 3

    copy = client.get(path, headers=fresh(ada)).json
    assert (copy["status"], set(copy["services"].values())) == ("ready", {"collected"})
    document = copy["document"]
    assert document["auth"] == {"accounts": [{"email": "ada@example.org"}], "sessions": [{"ip": "192.0.2.1"}]}
    assert [row["n"] for row in document["notifications"]["messages"]] == list(range(3000))
    assert [row["id"] for row in document["users"]["profiles"]] == [str(ada)]
    assert mails(app) == 1


def test_copy_is_a_page_on_which_nothing_runs(app: Flask, client: FlaskClient, ada: UUID) -> None:
    path = ask(client, fresh(ada))
    collect(app)

    page = client.get(f"{path}?format=html", headers=fresh(ada))

    assert page.content_type == "text/html; charset=utf-8"
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert "192.0.2.1" in page.text
    assert EVIL not in page.text


@pytest.mark.parametrize("trouble", ["failures", "cuts"])
def test_service_that_breaks_off_is_asked_again_and_nothing_is_doubled(
    app: Flask, client: FlaskClient, ada: UUID, services: dict[str, FakeService], trouble: str
) -> None:
    setattr(services["notifications"], trouble, 2)
    path = ask(client, fresh(ada))

    assert collect(app) == 5

    copy = client.get(path, headers=fresh(ada)).json
    assert [row["n"] for row in copy["document"]["notifications"]["messages"]] == list(range(3000))
    assert mails(app) == 1


def test_worker_that_dies_with_a_part_leaves_it_to_the_next(
    app: Flask, client: FlaskClient, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ask(client, fresh(ada))

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    for place in ("_collect", "_finish", "_tell"):
        with app.app_context(), monkeypatch.context() as patch:
            patch.setattr(collecting, place, die)
            for _ in range(3):
                with transaction(db) as session:
                    session.execute(db.update(ExportPart).values(next_attempt_at=utcnow()))
                try:
                    collecting.collect_next()
                except KeyboardInterrupt:
                    db.session.rollback()
    collect(app)

    assert client.get(path, headers=fresh(ada)).json["status"] == "ready"
    assert mails(app) == 1


def test_collection_that_was_overtaken_counts_for_nothing(
    app: Flask, client: FlaskClient, ada: UUID, services: dict[str, FakeService]
) -> None:
    ask(client, fresh(ada))
    rows = services["auth"].export
    overtaken = []

    def slow(account_id: UUID) -> Iterator[bytes]:
        with db.engine.begin() as connection:  # the lease is over, and another has it
            overtaken.append(
                connection.execute(db.update(ExportPart).values(attempts=ExportPart.attempts + 1)).rowcount
            )
        yield from rows(account_id)

    services["auth"].export = slow  # type: ignore[method-assign]
    with app.app_context():
        for _ in range(3):
            collecting.collect_next()
        collected = db.session.scalars(
            db.select(ExportPart.service).where(ExportPart.collected_at.is_not(None))
        ).all()
        db.session.rollback()

    assert overtaken == [3]
    assert "auth" not in collected


def test_copy_is_encrypted_at_rest_and_bound_to_its_place(
    app: Flask, client: FlaskClient, accounts: FakeAccounts
) -> None:
    ada, bob = accounts.add("ada@example.org").id, accounts.add("bob@example.org").id
    paths = [ask(client, fresh(account_id)) for account_id in (ada, bob)]
    collect(app)
    with app.app_context(), transaction(db) as session:
        chunks = session.scalars(db.select(ExportChunk)).all()
        assert not any("ada@example.org" in chunk.sealed or "192.0.2.1" in chunk.sealed for chunk in chunks)
        mine, theirs = (
            next(chunk for chunk in chunks if f"{chunk.export_id}" in path and chunk.service == "auth")
            for path in paths
        )
        theirs.sealed = mine.sealed

    with pytest.raises(SealBroken):
        client.get(paths[1], headers=fresh(bob)).get_data()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (lambda ada: fresh(ada, seconds_ago=299), 200),
        (lambda ada: fresh(ada, seconds_ago=301), 403),
        (lambda ada: bearer(access_token(ada)), 403),
        (lambda ada: fresh(ada, auth_time="now"), 403),
        (lambda ada: fresh(ada, scope="account"), 403),
        (lambda _: fresh(new_id()), 404),
        (lambda _: {}, 401),
    ],
    ids=["fresh", "older", "unknown", "no number", "a program", "another account", "nobody"],
)
def test_copy_is_for_its_owner_lately_signed_in(
    app: Flask, client: FlaskClient, ada: UUID, headers: Callable[[UUID], dict[str, str]], status: int
) -> None:
    path = ask(client, fresh(ada))
    collect(app)

    assert client.get(path, headers=headers(ada)).status_code == status


def test_who_asks_again_within_the_hour_gets_the_same_copy(
    app: Flask, client: FlaskClient, ada: UUID
) -> None:
    first, second = (ask(client, fresh(ada)) for _ in range(2))
    with app.app_context(), transaction(db) as session:
        session.execute(db.update(Export).values(created_at=utcnow() - timedelta(hours=2)))

    assert first == second != ask(client, fresh(ada))


def test_copy_is_kept_for_a_week(app: Flask, client: FlaskClient, ada: UUID) -> None:
    ask(client, fresh(ada))

    with app.app_context():
        export = db.session.scalars(db.select(Export)).one()
        assert export.expires_at - export.created_at == timedelta(days=7)
        db.session.rollback()


def test_old_copy_is_not_shown(app: Flask, client: FlaskClient, ada: UUID) -> None:
    path = ask(client, fresh(ada))
    collect(app)
    with app.app_context(), transaction(db) as session:
        session.execute(db.update(Export).values(expires_at=utcnow()))

    assert client.get(path, headers=fresh(ada)).json["code"] == "export_not_found"


def test_worker_deletes_a_copy_with_all_its_parts_when_its_days_are_over(
    app: Flask, client: FlaskClient, ada: UUID, accounts: FakeAccounts
) -> None:
    old, young = ask(client, fresh(ada)), ask(client, fresh(accounts.add().id))
    collect(app)
    with app.app_context(), transaction(db) as session:
        expired = db.update(Export).where(Export.id == UUID(old.rpartition("/")[2]))
        session.execute(expired.values(expires_at=utcnow() - timedelta(seconds=1)))

    Housekeeper(app, chores()).tidy()

    kept = {UUID(young.rpartition("/")[2])}
    with app.app_context():
        assert set(db.session.scalars(db.select(Export.id))) == kept
        assert set(db.session.scalars(db.select(ExportPart.export_id))) == kept
        assert set(db.session.scalars(db.select(ExportChunk.export_id))) == kept


def test_deleted_account_leaves_no_copy(
    app: Flask, client: FlaskClient, ada: UUID, as_account: Headers
) -> None:
    ask(client, fresh(ada))
    collect(app)
    ask(client, as_account(ada))

    deleted(app, ada)

    with app.app_context():
        assert [db.session.query(model).count() for model in (Export, ExportPart, ExportChunk)] == [0, 0, 0]
        assert collecting.collect_next() == 0
