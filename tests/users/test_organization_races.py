"""Everybody at the same instant, over four processes on one PostgreSQL: one joins, one owner stays."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from services.users.models import Membership, db
from services.users.settings import UsersSettings
from shared.chassis.testing.processes import bare_environment, uncounted
from shared.chassis.testing.tokens import SECRET, access_token
from tests.auth.crowd import Crowd, statuses
from tests.auth.processes import serving
from tests.users.conftest import FakeAccounts
from tests.users.organizations import INVITATIONS, Person, add_member, code_to, person, roles_in, token_to

MANY = 50
BOB = "bob@example.org"


def environment(settings: UsersSettings) -> dict[str, str]:
    return {
        **uncounted(bare_environment()),
        "JWT_SECRET_KEY": SECRET,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "USERS_DATABASE_URL": settings.database_url.get_secret_value(),
    }


def members(app: Flask, organization: str) -> list[str]:
    """The roles of all members but the owner."""
    with app.app_context():
        organization_id = UUID(organization.rpartition("/")[2])
        wanted = db.select(Membership.role).where(Membership.organization_id == organization_id)
        found = [role for role in db.session.scalars(wanted) if role != "owner"]
        db.session.rollback()
    return found


@pytest.mark.system
@pytest.mark.timeout(300)
def test_of_fifty_that_accept_an_invitation_at_once_one_joins(
    app: Flask, accounts: FakeAccounts, settings: UsersSettings, tmp_path: Path
) -> None:
    ada = person(app, accounts, "ada@example.org")
    bob = person(app, accounts, BOB)
    one_account, many_accounts, by_code = ada.create("A"), ada.create("B"), ada.create("C")
    everybody = [access_token(accounts.add(f"{number}@example.org").id) for number in range(MANY)]

    with (
        serving(environment(settings), tmp_path / "users.log", app="services.users.app:create_app()") as url,
        Crowd(MANY) as crowd,
    ):
        accept = f"{url}{INVITATIONS}/accept"
        ada.invite(one_account, BOB)
        first = crowd.strike(accept, {"token": token_to(app, BOB)}, access_token(bob.id))
        ada.invite(many_accounts, BOB)
        second = crowd.strike(accept, {"token": token_to(app, BOB)}, everybody)
        ada.invite(by_code, BOB)
        both = [{"token": token_to(app, BOB)}, {"email": BOB, "code": code_to(app, BOB)}]
        third = crowd.strike(accept, both * (MANY // 2), access_token(bob.id))

    for answers, organization in ((first, one_account), (second, many_accounts), (third, by_code)):
        assert statuses(answers) == {200: 1, 404: MANY - 1}
        assert members(app, organization) == ["member"]


def at_once(calls: list[Callable[[], int]]) -> Counter[int]:
    """Do all of it in threads that begin together; the statuses."""
    start = threading.Barrier(len(calls))

    def call(do: Callable[[], int]) -> int:
        start.wait(60)
        return do()

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(call, calls))


@pytest.mark.parametrize("way", ["leave", "lower", "remove each other"])
def test_owners_who_go_at_once_leave_one_owner(app: Flask, accounts: FakeAccounts, way: str) -> None:
    owners = [person(app, accounts, f"{number}@example.org") for number in range(4)]

    def go(who: Person, organization: str) -> int:
        target = owners[(owners.index(who) + 1) % 4] if way == "remove each other" else who
        path = f"{organization}/members/{target.id}"
        answer = who.call("PATCH", path, {"role": "member"}) if way == "lower" else who.call("DELETE", path)
        return answer.status_code

    for _ in range(3):
        organization = owners[0].create()
        for other in owners[1:]:
            add_member(app, owners[0], organization, other, "owner")

        at_once([partial(go, who, organization) for who in owners])

        remaining = [who for who in owners if who.call("GET", organization).status_code == 200]
        assert "owner" in roles_in(remaining[0], organization).values()
