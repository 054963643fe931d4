"""Lifecycle events: in order, each once, without personal data, and gone with their account."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update

from services.notifications.events import recording
from services.notifications.events.kinds import GROUPS, KINDS, TYPES
from services.notifications.extensions import messages as outbox
from services.notifications.housekeeping import chores
from services.notifications.models import Event, Inbox, db
from services.notifications.settings import NotificationsSettings
from services.notifications.tasks import HANDLERS
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.messaging import Courier
from shared.chassis.sealing import Sealer
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET
from shared.contracts import messages, queues
from shared.contracts.messages import Message

EVENTS = "/api/v1/notifications/events"
ADA, BOB = new_id(), new_id()
NAME, ADDRESS, NEW_ADDRESS = "Ada Unmistakable", "ada@example.org", "countess@example.org"
NOW = utcnow()


def life_of(account_id: UUID) -> list[Message]:
    """What may happen to an account, but for its end."""
    about: dict[str, Any] = {"account_id": account_id, "occurred_at": NOW}
    return [
        messages.AccountRegistered(**about, email=ADDRESS, display_name=NAME, roles=("admin",)),
        messages.AccountVerified(**about, email=ADDRESS),
        messages.ProfileChanged(
            **about, display_name=NAME, locale="de", timezone="UTC", profile_version=2, changed=("name",)
        ),
        messages.RolesChanged(**about, roles=()),
        messages.EmailChanged(**about, old_email=ADDRESS, new_email=NEW_ADDRESS),
        messages.AccountDisabled(**about, email=NEW_ADDRESS, display_name=NAME),
        messages.AccountEnabled(**about),
    ]


ORGANIZATION = new_id()


def life_of_organization(member: UUID) -> list[Message]:
    """What may happen to an organization and one of its members."""
    organization: dict[str, Any] = {"organization_id": ORGANIZATION, "occurred_at": NOW, "actor_id": BOB}
    named = {"organization_name": NAME, "slug": "ada-unmistakable"}
    return [
        messages.OrganizationChanged(**organization, **named, change="created", organization_version=1),
        messages.MembershipChanged(
            **organization, account_id=member, change="started", role="owner", membership_version=1
        ),
        messages.MembershipChanged(
            **organization, account_id=member, change="changed", role="admin", membership_version=2
        ),
        messages.OrganizationChanged(**organization, **named, change="changed", organization_version=4),
        messages.MembershipChanged(**organization, account_id=member, change="ended", membership_version=3),
        messages.OrganizationChanged(**organization, **named, change="deleted", organization_version=6),
    ]


DELETED = messages.AccountDeleted(account_id=ADA, email=ADDRESS, occurred_at=NOW)


class Post:
    """The broker: acknowledgements go nowhere."""

    def send_task(self, *_arguments: Any, **_options: Any) -> None:
        pass


def sealed(message: Message) -> str:
    """The message as it travels."""
    content = {"id": new_id(), "source": "auth", "body": message.model_dump(mode="json")}
    return Sealer([SECRET], "message:notifications").seal(orjson.dumps(content))


def deliver(app: Flask, *envelopes: tuple[Message, str]) -> None:
    courier = Courier(
        Post(),  # type: ignore[arg-type]
        db,
        service="notifications",
        secrets=[SECRET],
        outbox=outbox,
        inbox_model=Inbox,
    )
    for message, envelope in envelopes:
        with app.app_context():
            courier.receive(type(message), HANDLERS[type(message)], envelope)


def happen(app: Flask, *kinds: Message) -> None:
    """Each of them arrives once."""
    deliver(app, *((message, sealed(message)) for message in kinds))


def listed(client: FlaskClient, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    """All pages."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(EVENTS, headers=headers, query_string={**query, **cursor}).json
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


def types(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_every_message_that_becomes_an_event_is_heard_in_order() -> None:
    assert set(KINDS) == set(queues.IN_ORDER["notifications"])


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_events_are_listed_in_the_order_in_which_they_happened(
    app: Flask, client: FlaskClient, as_admin: dict[str, str], limit: int
) -> None:
    happen(app, *life_of(ADA))

    events = listed(client, as_admin, limit=limit)

    assert types(events) == [
        "account.registered",
        "account.verified",
        "profile.changed",
        "account.roles_changed",
        "account.email_changed",
        "account.disabled",
        "account.enabled",
    ]
    assert {event["account_id"] for event in events} == {str(ADA)}
    assert [event["data"] for event in events[:4]] == [
        {"roles": ["admin"]},
        {},
        {"profile_version": 2, "changed": ["name"]},
        {"roles": []},
    ]


def test_events_of_an_organization_are_those_of_it_and_its_members(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    happen(app, *life_of(ADA), *life_of_organization(ADA))

    events = listed(client, as_admin, organization_id=ORGANIZATION)

    assert [(event["type"], event["data"]) for event in events] == [
        ("organization.created", {"organization_version": 1}),
        ("membership.started", {"role": "owner", "membership_version": 1}),
        ("membership.changed", {"role": "admin", "membership_version": 2}),
        ("organization.changed", {"organization_version": 4}),
        ("membership.ended", {"role": None, "membership_version": 3}),
        ("organization.deleted", {"organization_version": 6}),
    ]
    assert [event["account_id"] for event in events] == [None, str(ADA), str(ADA), None, str(ADA), None]


def test_message_that_arrives_again_and_late_is_one_event_in_its_place(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    envelopes = [(message, sealed(message)) for message in life_of(ADA)]
    once = listed_after(app, client, as_admin, envelopes)

    again = listed_after(app, client, as_admin, [*reversed(envelopes), *envelopes])

    assert len(once) == len(envelopes)
    assert again == once


def listed_after(
    app: Flask, client: FlaskClient, headers: dict[str, str], envelopes: Sequence[tuple[Message, str]]
) -> list[dict[str, Any]]:
    deliver(app, *envelopes)
    return listed(client, headers)


def test_event_says_no_name_and_no_address(app: Flask, client: FlaskClient, as_admin: dict[str, str]) -> None:
    happen(app, *life_of(ADA), DELETED)
    happen(app, *life_of(BOB), *life_of_organization(BOB))

    with app.app_context():
        stored = str(db.session.execute(text("SELECT e::text FROM events AS e")).all())

    words = (NAME, "Ada", "unmistakable", ADDRESS, NEW_ADDRESS, "example", '"de"', '"en"', "UTC")
    assert "organization.deleted" in stored
    assert [word for word in words if word in stored] == []


def test_deleted_account_leaves_the_event_of_its_deletion_alone(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    happen(app, *life_of(ADA), *life_of(BOB), DELETED)

    happen(app, *life_of(ADA)[1:])  # what users or a queue still had of it

    assert types(listed(client, as_admin, account_id=ADA)) == ["account.deleted"]
    assert len(listed(client, as_admin, account_id=BOB)) == len(life_of(BOB))


def test_backup_of_before_a_deletion_is_forgotten_again(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    happen(app, *life_of(ADA))

    happen(app, messages.ErasureWanted(account_id=ADA, occurred_at=NOW))

    assert listed(client, as_admin) == []


def test_events_are_numbered_in_the_order_of_their_commits(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    """Else a reader who has seen the second would never see the first, which comes to light after it."""

    def store_second() -> None:
        with app.app_context(), transaction(db):
            recording.record(messages.AccountEnabled(account_id=BOB, occurred_at=NOW))

    second = Thread(target=store_second)
    with app.app_context(), transaction(db) as session:
        recording.record(messages.AccountEnabled(account_id=ADA, occurred_at=NOW))
        session.flush()
        second.start()
        wait_until(lambda: somebody_waits(app), what="the second, which waits for the first", seconds=60)
        seen_meanwhile = in_another_session(app, "SELECT count(*) FROM events")
    second.join()

    assert seen_meanwhile == 0
    assert [event["account_id"] for event in listed(client, as_admin)] == [str(ADA), str(BOB)]


def somebody_waits(app: Flask) -> bool:
    return (
        in_another_session(app, "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
        > 0
    )


def in_another_session(app: Flask, query: str) -> int:
    with app.app_context(), db.engine.connect() as connection:
        return int(connection.scalar(text(query)) or 0)


def test_reader_goes_on_where_it_ended(app: Flask, client: FlaskClient, as_admin: dict[str, str]) -> None:
    def read(cursor: str | None) -> dict[str, Any]:
        return dict(
            client.get(EVENTS, headers=as_admin, query_string={"cursor": cursor} if cursor else {}).json
        )

    nothing = read(None)
    happen(app, *life_of(ADA)[:2])
    first = read(nothing["resume_cursor"])
    still = read(first["resume_cursor"])
    happen(app, *life_of(ADA)[2:3])
    second = read(still["resume_cursor"])

    assert [types(page["items"]) for page in (nothing, first, still, second)] == [
        [],
        ["account.registered", "account.verified"],
        [],
        ["profile.changed"],
    ]
    assert {page["next_cursor"] for page in (nothing, first, still, second)} == {None}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"type": "profile.changed"}, ["profile.changed"] * 2),
        ({"type": "profile.*"}, ["profile.changed"] * 2),
        ({"type": "account.verified", "account_id": str(ADA)}, ["account.verified"]),
        ({"account_id": str(new_id())}, []),
        ({"organization_id": str(new_id())}, []),
    ],
)
def test_filters_narrow_the_events(
    app: Flask, client: FlaskClient, as_admin: dict[str, str], query: dict[str, str], expected: list[str]
) -> None:
    happen(app, *life_of(ADA), *life_of(BOB))

    assert types(listed(client, as_admin, limit=1, **query)) == expected


def test_every_type_can_be_asked_for(client: FlaskClient, as_admin: dict[str, str]) -> None:
    for name in [*TYPES, *GROUPS]:
        assert client.get(EVENTS, headers=as_admin, query_string={"type": name}).status_code == 200


@pytest.mark.parametrize(
    "query", [{"type": "%"}, {"type": "account.%"}, {"type": ""}, {"account_id": "1"}, {"cursor": "x"}]
)
def test_bad_query_is_refused(client: FlaskClient, as_admin: dict[str, str], query: dict[str, str]) -> None:
    assert client.get(EVENTS, headers=as_admin, query_string=query).status_code == 422


def test_cursor_of_other_filters_is_refused(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    happen(app, *life_of(ADA))
    cursor = client.get(EVENTS, headers=as_admin, query_string={"limit": 1}).json["next_cursor"]

    query = {"cursor": cursor, "account_id": str(BOB)}
    answer = client.get(EVENTS, headers=as_admin, query_string=query)

    assert (answer.status_code, answer.json["code"]) == (400, "cursor_of_another_query")


def test_events_are_for_administrators(
    client: FlaskClient, as_nobody: dict[str, str], as_sender: dict[str, str]
) -> None:
    statuses = [client.get(EVENTS, headers=headers).status_code for headers in ({}, as_nobody, as_sender)]

    assert statuses == [401, 403, 403]


def test_old_events_are_deleted(app: Flask, settings: NotificationsSettings) -> None:
    happen(app, *life_of(ADA))
    too_old: datetime = NOW - timedelta(days=settings.event_days, hours=1)
    with app.app_context():
        with transaction(db) as session:
            session.execute(update(Event).where(Event.type != "profile.changed").values(stored_at=too_old))

        for chore in chores(settings):
            chore(NOW)

        assert db.session.scalar(select(func.count()).select_from(Event)) == 1
