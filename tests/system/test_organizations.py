"""Memberships over the real processes: what ends at users is refused at the gateway, and how soon.

`MEMBERSHIP_ROUNDS=20 .venv/bin/python -m pytest -s tests/system/test_organizations.py` measures it.
"""

import os
import sys
import time
from typing import Any

import pytest

from shared.chassis.testing.engines import wait_until
from tests.system.journey import Journey, bearer, code_in, expect, mails_to
from tests.system.kit import Kit

USERS = "/api/v1/users"
ROUNDS = int(os.environ.get("MEMBERSHIP_ROUNDS", "2"))
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def signed_up(doorward: Kit) -> Journey:
    journey = Journey(doorward.gateway_url, doorward.mailbox_url)
    journey.register()
    journey.verify()
    return journey


def call(who: Journey, method: str, path: str, status: int, **options: Any) -> Any:
    headers = bearer(who.pair["access_token"])
    return expect(who.client.request(method, path, headers=headers, **options), status)


def join(doorward: Kit, owner: Journey, organization: str, who: Journey) -> str:
    """Invite somebody, who accepts by the code of the mail; the account's id."""
    call(owner, "POST", f"{organization}/invitations", 202, json={"email": who.email})
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        mails = mails_to(doorward.mailbox_url, who.email)
        found[:] = [mail for mail in mails if "join-organization" in mail["text"]]
        return bool(found)

    wait_until(is_there, what="the invitation")
    proof = {"email": who.email, "code": code_in(found[0])}
    account_id: str = call(who, "POST", f"{USERS}/invitations/accept", 200, json=proof)["account_id"]
    return account_id


def work_for(who: Journey, organization: str) -> None:
    """Have the session work for the organization, once auth has heard of the membership."""
    body = {"organization_id": organization.rpartition("/")[2]}

    def is_done() -> bool:
        headers = bearer(who.pair["refresh_token"])
        answer = who.client.post("/api/v1/auth/refresh", headers=headers, json=body)
        if answer.status_code == 200:
            who.pair = answer.json()
        return answer.status_code == 200

    wait_until(is_done, what="a token for the organization")


def test_membership_that_ends_or_changes_refuses_the_tokens_of_before(doorward: Kit) -> None:
    ada, bob = signed_up(doorward), signed_up(doorward)
    made = call(ada, "POST", f"{USERS}/organizations", 201, json={"name": "Acme"})
    organization = f"{USERS}/organizations/{made['id']}"
    member = f"{organization}/members/{join(doorward, ada, organization, bob)}"
    took = []

    for number in range(ROUNDS):
        work_for(bob, organization)
        dead = bearer(bob.pair["access_token"])
        assert bob.client.get(organization, headers=dead).status_code == 200
        begun = time.monotonic()
        if number == ROUNDS - 1:
            call(ada, "DELETE", member, 204)
        else:
            call(ada, "PATCH", member, 200, json={"role": ["admin", "member"][number % 2]})

        def is_refused(headers: dict[str, str] = dead) -> bool:
            return bob.client.get(f"{USERS}/me", headers=headers).status_code == 401

        wait_until(is_refused, what="the refusal")
        took.append(time.monotonic() - begun)

    sys.stdout.write(f"\nrefused after {sorted(round(each, 2) for each in took)} s\n")
    refreshed = bob.client.post("/api/v1/auth/refresh", headers=bearer(bob.pair["refresh_token"]))
    bob.pair = expect(refreshed, 200)
    assert call(bob, "GET", organization, 404)["code"] == "organization_not_found"
