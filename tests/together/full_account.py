"""An account that has left something wherever it can, with a name and addresses that nothing else has."""

import re
import secrets
from typing import Any

from flask import Flask

from services.users.exports import collecting
from shared.contracts.queues import SERVICES
from tests.together import test_journey
from tests.together.conftest import Doorward
from tests.together.test_journey import AUTH, ME, PASSWORD, bearer, post, register
from tests.users import pictures

MARK = secrets.token_hex(8)  # nothing else has it
EMAIL = f"ada.{MARK}@example.org"
NEW_EMAIL = f"ada.new.{MARK}@example.org"
NAME = f"Ada {MARK}"
BOB = "bob@example.org"
ORGANIZATIONS = "/api/v1/users/organizations"


async def sign_up(doorward: Doorward) -> dict[str, Any]:
    """Somebody with a name that nothing else has; the pair of tokens."""
    code = await register(doorward, EMAIL)
    pair: dict[str, Any] = await post(
        doorward, f"{AUTH}/verify-email", 200, json={"email": EMAIL, "code": code}
    )
    doorward.work()
    changes = {"name": NAME, "metadata": {"note": NAME}, "public_metadata": {"nick": NAME}}
    answer = await doorward.client.patch(ME, headers=bearer(pair["access_token"]), json=changes)
    assert answer.status_code == 200
    doorward.work()
    return pair


async def fill(doorward: Doorward, apps: dict[str, Flask], pair: dict[str, Any]) -> dict[str, str]:
    """Have the account leave something wherever it can; the headers of its owner afterwards."""
    caller = bearer(pair["access_token"])
    picture = await doorward.client.put(f"{ME}/avatar", headers=caller, content=pictures.picture())
    assert picture.status_code == 200
    await post(doorward, f"{AUTH}/api-keys", 201, headers=caller, json={"name": NAME, "scopes": ["account"]})
    await move(doorward, caller)
    bob = bearer((await test_journey.sign_up(doorward, BOB))["access_token"])
    await post(doorward, ORGANIZATIONS, 201, headers=caller, json={"name": NAME})
    acme = (await post(doorward, ORGANIZATIONS, 201, headers=bob, json={"name": "Acme"}))["id"]
    invitations = f"{ORGANIZATIONS}/{acme}/invitations"
    await post(doorward, invitations, 202, headers=bob, json={"email": NEW_EMAIL, "role": "admin"})
    doorward.work()
    proof = {"email": NEW_EMAIL, "code": code_to(doorward, NEW_EMAIL)}
    await post(doorward, "/api/v1/users/invitations/accept", 200, headers=caller, json=proof)
    await post(doorward, invitations, 202, headers=caller, json={"email": "eve@example.org"})
    doorward.work()
    await export(doorward, apps, caller)
    return caller


async def move(doorward: Doorward, caller: dict[str, str]) -> None:
    """Another address: what was mailed to the one before is the account's as well."""
    wish = {"new_email": NEW_EMAIL, "password": PASSWORD}
    await post(doorward, f"{AUTH}/email/change", 202, headers=caller, json=wish)
    doorward.work()
    code = {"code": code_to(doorward, NEW_EMAIL)}
    await post(doorward, f"{AUTH}/email/change/confirm", 204, headers=caller, json=code)
    doorward.work()


def code_to(doorward: Doorward, email: str) -> str:
    """The code of the newest mail to that address."""
    found = re.search(r"^\d{6}$", doorward.sender.newest_to(email).text, re.MULTILINE)
    assert found is not None
    return found[0]


async def export(doorward: Doorward, apps: dict[str, Flask], caller: dict[str, str]) -> str:
    """A copy of what is held, ready; its id."""
    asked = await post(doorward, f"{ME}/export", 202, headers=caller)
    with apps["users"].app_context():
        for _ in SERVICES:
            assert collecting.collect_next() == 1
    doorward.work()
    return str(asked["id"])
