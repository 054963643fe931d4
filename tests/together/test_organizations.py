"""From an invitation to a token that says for whom one works, and to the end of that token."""

# ruff: noqa: ASYNC110

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_library
from flask import Flask

import services.auth.relays
import services.users.extensions
from services.auth.accounts import deletions, first_administrator
from services.auth.sessions import revocations
from shared.chassis import outbox, relay
from shared.chassis.clock import utcnow
from shared.chassis.messaging import relay_outbox
from tests.relays import listening
from tests.together.conftest import Doorward, RecordingSender, post_between
from tests.together.test_journey import AUTH, PASSWORD, bearer, post, sign_up

USERS = "/api/v1/users"
BOB = "bob@example.org"
ROOT = "root@example.org"
Apps = tuple[dict[str, Flask], RecordingSender]


async def join(doorward: Doorward, owner: dict[str, str], organization: str, member: dict[str, str]) -> str:
    """Invite Bob, who accepts by the code of the mail; his account's id."""
    await post(doorward, f"{organization}/invitations", 202, headers=owner, json={"email": BOB})
    doorward.work()
    code = re.search(r"^\d{6}$", doorward.sender.newest_to(BOB).text, re.MULTILINE)
    assert code is not None
    proof = {"email": BOB, "code": code[0]}
    joined = await post(doorward, f"{USERS}/invitations/accept", 200, headers=member, json=proof)
    doorward.work()
    account_id: str = joined["account_id"]
    return account_id


@contextmanager
def relaying(apps: dict[str, Flask]) -> Iterator[None]:
    """Run the relays between a membership at users and the gateways, as the workers of users and auth do."""
    celery = post_between(apps)
    settings = {name: app.extensions["doorward_settings"] for name, app in apps.items()}
    messages = relay.Relay(
        apps["users"],
        name="outbox",
        channel=outbox.CHANNEL,
        database_url=settings["users"].sqlalchemy_url,
        step=lambda: relay_outbox(celery, services.users.extensions.messages),  # type: ignore[arg-type]
    )
    of_auth = services.auth.relays.new_relays(apps["auth"], settings["auth"])
    (news,) = [each for each in of_auth if each.name == "revocations"]
    with (
        listening(messages, channel=outbox.CHANNEL, database_url=settings["users"].sqlalchemy_url),
        listening(news, channel=revocations.CHANNEL, database_url=settings["auth"].sqlalchemy_url),
    ):
        yield


async def test_membership_that_changes_or_ends_refuses_older_tokens_before_anybody_polls(
    doorward: Doorward, doorward_apps: Apps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "POLL_SECONDS", 3600)
    ada = bearer((await sign_up(doorward, "ada@example.org"))["access_token"])
    bob = await sign_up(doorward, BOB)
    made = await post(doorward, f"{USERS}/organizations", 201, headers=ada, json={"name": "Acme"})
    organization = f"{USERS}/organizations/{made['id']}"
    bob_id = await join(doorward, ada, organization, bearer(bob["access_token"]))
    member, chosen = f"{organization}/members/{bob_id}", {"organization_id": made["id"]}

    refusals = []
    with relaying(doorward_apps[0]):
        for method, body in (("PATCH", {"role": "admin"}), ("DELETE", None)):
            refresh = bearer(bob["refresh_token"])
            bob = await post(doorward, f"{AUTH}/refresh", 200, headers=refresh, json=chosen)
            own = bearer(bob["access_token"])
            assert (await doorward.client.get(organization, headers=own)).status_code == 200
            changed = await doorward.client.request(method, member, headers=ada, json=body)
            assert changed.is_success
            refusals.append(await refusal_of(doorward, organization, own))

    assert [refusal["code"] for refusal in refusals] == ["token_revoked"] * 2


async def test_member_works_for_an_organization_until_the_role_changes(
    doorward: Doorward, doorward_apps: Apps, redis_url: str
) -> None:
    ada = bearer((await sign_up(doorward, "ada@example.org"))["access_token"])
    bob = await sign_up(doorward, BOB)
    made = await post(doorward, f"{USERS}/organizations", 201, headers=ada, json={"name": "Acme"})
    organization = f"{USERS}/organizations/{made['id']}"
    await post(doorward, f"{organization}/invitations", 202, headers=ada, json={"email": BOB})
    doorward.work()
    mail = doorward.sender.newest_to(BOB)
    token = re.search(r"/join-organization\?lang=\w+#token=(\S+)", mail.text)
    code = re.search(r"^\d{6}$", mail.text, re.MULTILINE)
    assert token is not None
    assert code is not None
    assert "Acme" in mail.text

    joined = await post(
        doorward,
        f"{USERS}/invitations/accept",
        200,
        headers=bearer(bob["access_token"]),
        json={"token": token[1]},
    )
    doorward.work()
    chosen = {"email": BOB, "password": PASSWORD, "organization_id": made["id"]}
    working = await post(doorward, f"{AUTH}/login", 200, json=chosen)
    own = bearer(working["access_token"])
    assert (await doorward.client.get(organization, headers=own)).json()["role"] == "member"
    member = f"{organization}/members/{joined['account_id']}"
    changed = await doorward.client.patch(member, headers=ada, json={"role": "admin"})
    assert changed.json()["role"] == "admin"
    doorward.work()
    publish(doorward_apps[0]["auth"], redis_url)

    refused = await refusal_of(doorward, organization, own)

    assert refused["code"] == "token_revoked"
    refreshed = await post(doorward, f"{AUTH}/refresh", 200, headers=bearer(working["refresh_token"]))
    again = await doorward.client.get(organization, headers=bearer(refreshed["access_token"]))
    assert again.json()["role"] == "admin"


def publish(auth: Flask, redis_url: str) -> None:
    """What the relay of auth's worker does."""
    with auth.app_context(), redis_library.Redis.from_url(redis_url) as redis:
        while revocations.publish(redis):
            pass


async def refusal_of(doorward: Doorward, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """The answer once the gateway has heard of the revocation."""
    async with asyncio.timeout(30):
        while (answer := await doorward.client.get(path, headers=headers)).status_code != 401:
            await asyncio.sleep(0.01)
    refusal: dict[str, Any] = answer.json()
    return refusal


async def test_organization_of_an_only_owner_whom_an_administrator_deletes_gets_another(
    doorward: Doorward, doorward_apps: Apps
) -> None:
    apps, _ = doorward_apps
    ada = bearer((await sign_up(doorward, "ada@example.org"))["access_token"])
    bob = bearer((await sign_up(doorward, BOB))["access_token"])
    made = await post(doorward, f"{USERS}/organizations", 201, headers=ada, json={"name": "Acme"})
    organization = f"{USERS}/organizations/{made['id']}"
    await join(doorward, ada, organization, bob)
    with apps["auth"].app_context():
        first_administrator.create_admin(email=ROOT, password=PASSWORD)
    root = await post(doorward, f"{AUTH}/login", 200, json={"email": ROOT, "password": PASSWORD})
    ada_id = (await doorward.client.get(f"{USERS}/me", headers=ada)).json()["id"]

    own = await doorward.client.request("DELETE", f"{USERS}/me", headers=ada, json={"password": PASSWORD})
    theirs = await doorward.client.delete(f"{AUTH}/accounts/{ada_id}", headers=bearer(root["access_token"]))
    with apps["auth"].app_context():
        assert deletions.delete_due(utcnow() + timedelta(days=15)) == 1
    doorward.work()

    assert (own.status_code, own.json()["code"]) == (409, "sole_owner")
    assert theirs.status_code == 202
    assert (await doorward.client.get(organization, headers=bob)).json()["role"] == "owner"
