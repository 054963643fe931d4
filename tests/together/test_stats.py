"""Statistics of an account, counted by the services themselves."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from services.notifications.models import Delivery, Message
from services.notifications.models import db as notifications_db
from tests.together.conftest import Doorward, RecordingSender
from tests.together.test_journey import AUTH, EMAIL, ME, PASSWORD, bearer, post, sign_up

Apps = tuple[dict[str, Flask], RecordingSender]


async def counted(doorward: Doorward, account_id: str, headers: dict[str, str]) -> dict[str, Any]:
    """The statistics as of now."""
    anew = {**headers, "Cache-Control": "no-cache"}
    answer = await doorward.client.get(f"/api/v1/users/{account_id}/stats", headers=anew)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def fail_one_delivery(notifications: Flask, account_id: str) -> None:
    with notifications.app_context():
        newest = notifications_db.select(Message.id).where(Message.account_id == account_id).limit(1)
        its = notifications_db.update(Delivery).where(Delivery.message_id.in_(newest))
        notifications_db.session.execute(its.values(status="failed"))
        notifications_db.session.commit()


async def test_each_service_counts_what_it_has_and_leaves_a_gap_where_it_is_down(
    doorward: Doorward, doorward_apps: Apps, stop_service: dict[str, Callable[[], None]]
) -> None:
    caller = bearer((await sign_up(doorward))["access_token"])
    await sign_up(doorward, "bob@example.org")  # whose rows are not hers
    account_id = (await doorward.client.get(ME, headers=caller)).json()["id"]
    credentials = {"email": EMAIL, "password": PASSWORD}
    for device in ("phone", "tablet"):
        await post(doorward, f"{AUTH}/login", 200, json=credentials, headers={"User-Agent": device})
    for name in ("one", "two"):
        key = {"name": name, "scopes": ["account"]}
        await post(doorward, f"{AUTH}/api-keys", 201, headers=caller, json=key)
    doorward.work()
    fail_one_delivery(doorward_apps[0]["notifications"], account_id)

    whole = await counted(doorward, account_id, caller)
    stop_service["notifications"]()
    partial = await counted(doorward, account_id, caller)

    assert whole["counts"] == {
        "auth": {"sessions": 3, "api_keys": 2, "passkeys": 0, "devices": 3},
        "notifications": {"messages": 4, "sent": 3, "failed": 1},
    }
    assert whole["gaps"] == []
    assert (partial["counts"], partial["gaps"]) == ({"auth": whole["counts"]["auth"]}, ["notifications"])
