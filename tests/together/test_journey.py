"""The newcomer's way through all of Doorward, in one process."""

import re
from typing import Any

from tests.together.conftest import Doorward

AUTH = "/api/v1/auth"
ME = "/api/v1/users/me"
EMAIL = "ada@example.org"
PASSWORD = "correct horse battery staple"


async def post(doorward: Doorward, path: str, status: int, **options: Any) -> Any:
    answer = await doorward.client.post(path, **options)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def register(doorward: Doorward, email: str = EMAIL) -> str:
    """Register; the code of the mail."""
    body = {"email": email, "password": PASSWORD, "name": "Ada"}
    await post(doorward, f"{AUTH}/register", 202, json=body)
    doorward.work()
    found = re.search(r"^\d{6}$", doorward.sender.newest_to(email).text, re.MULTILINE)
    assert found is not None
    return found[0]


async def sign_up(doorward: Doorward, email: str = EMAIL) -> dict[str, Any]:
    """Register and verify; the first pair of tokens."""
    code = await register(doorward, email)
    pair: dict[str, Any] = await post(
        doorward, f"{AUTH}/verify-email", 200, json={"email": email, "code": code}
    )
    doorward.work()
    return pair


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_newcomer_gets_from_sign_up_to_sign_out(doorward: Doorward) -> None:
    await sign_up(doorward)
    pair = await post(doorward, f"{AUTH}/login", 200, json={"email": EMAIL, "password": PASSWORD})
    caller = bearer(pair["access_token"])

    profile = (await doorward.client.get(ME, headers=caller)).json()
    changed = await doorward.client.patch(ME, headers=caller, json={"timezone": "Europe/London"})
    refreshed = await post(doorward, f"{AUTH}/refresh", 200, headers=bearer(pair["refresh_token"]))
    await post(doorward, f"{AUTH}/logout", 204, headers=bearer(refreshed["access_token"]))
    dead = await doorward.client.post(f"{AUTH}/refresh", headers=bearer(refreshed["refresh_token"]))

    assert (profile["email"], profile["name"]) == (EMAIL, "Ada")
    assert changed.json()["timezone"] == "Europe/London"
    assert (dead.status_code, dead.json()["code"]) == (401, "session_revoked")


async def test_profile_is_there_before_its_owner_is(doorward: Doorward) -> None:
    pair = await sign_up(doorward)
    stranger = await sign_up(doorward, "bob@example.org")
    own = (await doorward.client.get(ME, headers=bearer(pair["access_token"]))).json()

    seen = await doorward.client.get(f"/api/v1/users/{own['id']}", headers=bearer(stranger["access_token"]))

    assert seen.json() == {"id": own["id"], "name": "Ada", "avatar_url": None, "public_metadata": {}}


async def test_registering_twice_makes_one_account_and_tells_its_owner_alone(doorward: Doorward) -> None:
    await sign_up(doorward)
    body = {"email": EMAIL.upper(), "password": "another long passphrase 77", "name": "Eve"}

    answer = await post(doorward, f"{AUTH}/register", 202, json=body)
    doorward.work()

    assert answer == {"status": "verification_sent"}
    assert "already" in doorward.sender.newest_to(EMAIL).subject
    right = await doorward.client.post(f"{AUTH}/login", json={"email": EMAIL, "password": PASSWORD})
    assert right.status_code == 200


async def test_one_request_keeps_its_id_through_gateway_and_service(doorward: Doorward) -> None:
    answer = await doorward.client.get(ME, headers={"X-Request-ID": "request-0123456789"})

    assert answer.status_code == 401
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "request-0123456789"


async def test_message_of_one_service_is_handled_once_by_the_other(doorward: Doorward) -> None:
    await sign_up(doorward)
    sent = len(doorward.sender.mails)

    doorward.work()
    doorward.work()

    assert len(doorward.sender.mails) == sent
