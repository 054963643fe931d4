"""Wherever an account's id is stored, the table is exported to its owner or says why it is not."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from uuid import UUID

from flask import Flask

from services.auth.accounts import deletions
from shared.chassis.clock import utcnow
from shared.contracts.queues import SERVICES
from tests.together.conftest import Doorward, RecordingSender
from tests.together.test_journey import AUTH, EMAIL, ME, PASSWORD, bearer, post, sign_up
from tests.together.test_leaving import rows_with

Apps = tuple[dict[str, Flask], RecordingSender]
USERS = "/api/v1/users"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
# So that the test looks where it should: what the account below has, and what holds its id for a moment.
REACHED = {
    *(f"auth.{name}" for name in ("accounts", "sessions", "devices", "api_keys", "totp_factors")),
    *(f"auth.{name}" for name in ("challenges", "audit_events", "memberships", "revocations", "outbox")),
    *(f"users.{name}" for name in ("profiles", "exports", "memberships", "invitations", "outbox")),
    *(f"users.{name}" for name in ("organization_events", "tombstones", "erasures")),
    *(f"notifications.{name}" for name in ("recipients", "messages", "events")),
}


def listed() -> set[str]:
    """The tables that are exported, or left out for a reason."""
    return {
        f"{service}.{holding.table}"
        for service in SERVICES
        for holding in import_module(f"services.{service}.holdings").HOLDINGS
    }


async def lead_a_life(doorward: Doorward, caller: dict[str, str], look: Callable[[], None]) -> None:
    """Have of everything something, and leave; ``look`` at what is stored after each step."""
    phone = {"User-Agent": "phone"}
    await post(doorward, f"{AUTH}/login", 200, json=CREDENTIALS, headers=phone)
    await post(doorward, f"{AUTH}/password/forgot", 202, json={"email": EMAIL})
    look()
    await post(doorward, f"{AUTH}/api-keys", 201, headers=caller, json={"name": "x", "scopes": ["account"]})
    await post(doorward, f"{AUTH}/mfa/totp", 201, headers=caller)
    await post(doorward, f"{ME}/export", 202, headers=caller)
    renamed = await doorward.client.patch(ME, headers=caller, json={"name": "Ada Byron"})
    assert renamed.status_code == 200
    look()
    made = await post(doorward, f"{USERS}/organizations", 201, headers=caller, json={"name": "Acme"})
    invitations = f"{USERS}/organizations/{made['id']}/invitations"
    await post(doorward, invitations, 202, headers=caller, json={"email": "bob@example.org"})
    look()
    left = await doorward.client.request("DELETE", ME, headers=caller, json={"password": PASSWORD})
    assert left.status_code == 202
    look()


async def test_every_table_with_an_account_s_id_is_exported_or_says_why_not(
    doorward: Doorward, doorward_apps: Apps
) -> None:
    apps, _ = doorward_apps
    caller = bearer((await sign_up(doorward))["access_token"])
    account_id = UUID((await doorward.client.get(ME, headers=caller)).json()["id"])
    marks = [str(account_id), account_id.hex]
    found: set[str] = set()

    def look() -> None:
        found.update(rows_with(apps, marks))  # what waits for a worker is held too
        doorward.work()
        found.update(rows_with(apps, marks))

    await lead_a_life(doorward, caller, look)
    with apps["auth"].app_context():
        assert deletions.delete_due(utcnow() + timedelta(days=15)) == 1
    look()

    assert found - listed() == set()
    assert REACHED - found == set()
