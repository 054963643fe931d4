"""What happens to an account is told by auth once, and heard by users and notifications once each."""

from collections import Counter
from typing import Any

from flask import Flask

from services.auth.accounts import deletions, first_administrator
from services.auth.mail import mail_requests
from services.auth.models import Outbox
from services.auth.models import db as auth_db
from services.auth.tasks import MAIL_REQUESTS
from services.notifications.models import Message
from services.notifications.models import db as notifications_db
from shared.chassis.clock import utcnow
from shared.contracts import messages, queues
from tests.together.conftest import Doorward, RecordingSender
from tests.together.test_journey import AUTH, EMAIL, ME, PASSWORD, bearer, post, sign_up

ADMIN = "root@example.org"
NEXT = "another long passphrase 77"
NEW_EMAIL = "ada@new.example.org"
LIFECYCLE = {
    messages.AccountRegistered,
    messages.AccountVerified,
    messages.SignedInFromNewDevice,
    messages.PasswordChanged,
    messages.EmailChanged,
    messages.AccountDisabled,
    messages.AccountDeleted,
}
Apps = tuple[dict[str, Flask], RecordingSender]


class Telling:
    """What auth has told since it was last asked, by message and hearer."""

    def __init__(self, doorward: Doorward, auth: Flask) -> None:
        self._doorward = doorward
        self._auth = auth
        self._seen: set[Any] = set()

    def now(self) -> Counter[tuple[str, str]]:
        """The lifecycle messages since; each is then handled, and offered again, by everybody."""
        names = {kind.name for kind in LIFECYCLE}
        with self._auth.app_context():
            while mail_requests.work_off(MAIL_REQUESTS):
                pass
            rows = auth_db.session.execute(
                auth_db.select(Outbox.message_id, Outbox.name, Outbox.subscriber).where(
                    Outbox.name.in_(names)
                )
            ).all()
            auth_db.session.rollback()
        fresh = [row for row in rows if tuple(row) not in self._seen]
        self._seen |= {tuple(row) for row in fresh}
        for _ in range(2):
            self._doorward.work()
        return Counter((row.name, row.subscriber) for row in fresh)


def told(*kinds: type[messages.Message]) -> Counter[tuple[str, str]]:
    """Each of these once to each of its hearers."""
    return Counter((kind.name, hearer) for kind in kinds for hearer in queues.SUBSCRIBERS[kind])


async def events_of(doorward: Doorward, account_id: str, headers: dict[str, str]) -> list[str]:
    """The types of the account's events, as a team's own service reads them."""
    query = {"account_id": account_id}
    answer = await doorward.client.get("/api/v1/notifications/events", headers=headers, params=query)
    return [event["type"] for event in answer.json()["items"]]


async def test_each_thing_that_happens_is_told_once_and_heard_once(
    doorward: Doorward, doorward_apps: Apps
) -> None:
    apps, sender = doorward_apps
    pair = await sign_up(doorward)
    with apps["auth"].app_context():
        first_administrator.create_admin(email=ADMIN, password=PASSWORD)
    doorward.work()
    credentials = {"email": EMAIL, "password": PASSWORD}
    telling = Telling(doorward, apps["auth"])
    telling.now()

    phone = await post(doorward, f"{AUTH}/login", 200, json=credentials, headers={"User-Agent": "phone"})
    assert telling.now() == told(messages.SignedInFromNewDevice)

    caller = bearer(phone["access_token"])
    change = {"current_password": PASSWORD, "new_password": NEXT}
    await post(doorward, f"{AUTH}/password/change", 204, json=change, headers=caller)
    assert telling.now() == told(messages.PasswordChanged)

    wish = {"new_email": NEW_EMAIL, "password": NEXT}
    await post(doorward, f"{AUTH}/email/change", 202, json=wish, headers=caller)
    doorward.work()
    link = sender.newest_to(NEW_EMAIL).text.partition("#token=")[2].split()[0]
    await post(doorward, f"{AUTH}/email/change/confirm", 204, json={"token": link}, headers=caller)
    assert telling.now() == told(messages.EmailChanged)
    assert (await doorward.client.get(ME, headers=caller)).json()["email"] == NEW_EMAIL

    account_id = (await doorward.client.get(ME, headers=caller)).json()["id"]
    admin = await post(doorward, f"{AUTH}/login", 200, json={"email": ADMIN, "password": PASSWORD})
    telling.now()
    address, headers = f"{AUTH}/accounts/{account_id}", bearer(admin["access_token"])
    for _ in range(2):  # the second changes nothing, and tells nothing
        disabled = await doorward.client.patch(address, json={"is_active": False}, headers=headers)
        assert disabled.status_code == 200
    assert telling.now() == told(messages.AccountDisabled)
    profile = await doorward.client.get(f"/api/v1/users/{account_id}", headers=headers)
    assert profile.json()["is_active"] is False

    lived = await events_of(doorward, account_id, headers)
    assert lived == [
        "account.registered",
        "account.verified",
        "account.email_changed",
        "account.disabled",
    ]

    asked = [to for to, content in sender.mails if content.subject == "Was it you? Sign-in from a new device"]
    assert Counter(asked) == {EMAIL: 1, ADMIN: 1}
    subjects = Counter(content.subject for _, content in sender.mails)
    assert [count for subject, count in subjects.items() if "password was changed" in subject] == [1]
    assert [count for subject, count in subjects.items() if "disabled" in subject] == [1]

    with apps["auth"].app_context():
        auth_db.session.execute(
            auth_db.text("UPDATE accounts SET deletes_at = now() WHERE email = :email"), {"email": NEW_EMAIL}
        )
        auth_db.session.commit()
        assert [deletions.delete_due(utcnow()) for _ in range(2)] == [1, 0]
    assert telling.now() == told(messages.AccountDeleted)
    gone = await doorward.client.get(f"/api/v1/users/{account_id}", headers=headers)
    with apps["notifications"].app_context():
        kept = notifications_db.session.query(Message).filter_by(account_id=account_id).count()
        notifications_db.session.rollback()
    assert (gone.status_code, kept) == (404, 0)
    assert await events_of(doorward, account_id, headers) == ["account.deleted"]
    assert pair["access_token"]


async def test_registration_and_verification_are_told_once_however_often_they_are_asked_for(
    doorward: Doorward, doorward_apps: Apps
) -> None:
    telling = Telling(doorward, doorward_apps[0]["auth"])
    body = {"email": EMAIL, "password": PASSWORD, "name": "Ada"}
    for _ in range(3):
        await post(doorward, f"{AUTH}/register", 202, json=body)
    assert telling.now() == Counter()

    mail = doorward.sender.newest_to(EMAIL).text
    token = mail.partition("#token=")[2].split()[0]
    statuses = []
    for _ in range(2):
        answer = await doorward.client.post(f"{AUTH}/verify-email", json={"token": token})
        statuses.append(answer.status_code)

    assert statuses == [200, 400]
    assert telling.now() == told(messages.AccountRegistered, messages.AccountVerified)


def test_every_lifecycle_message_has_a_hearer() -> None:
    assert [kind.name for kind in LIFECYCLE if not queues.SUBSCRIBERS[kind]] == []
