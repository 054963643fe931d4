"""From an invitation to a token that says for whom one works, and to the end of that token."""

import re
from collections.abc import Callable
from typing import Any

import redis as redis_library
from flask import Flask

from services.auth.sessions import revocations
from tests.together.conftest import Doorward, RecordingSender
from tests.together.test_journey import AUTH, PASSWORD, bearer, post, sign_up

USERS = "/api/v1/users"
BOB = "bob@example.org"


async def test_member_works_for_an_organization_until_the_role_changes(
    doorward: Doorward, doorward_apps: tuple[dict[str, Flask], RecordingSender], redis_url: str
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
    ask: Callable[[], Any] = lambda: doorward.client.get(path, headers=headers)  # noqa: E731
    for _ in range(3000):
        answer = await ask()
        if answer.status_code == 401:
            refusal: dict[str, Any] = answer.json()
            return refusal
    raise AssertionError("never refused")
