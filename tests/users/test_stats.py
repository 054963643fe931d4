"""Statistics: asked of the services at once, with a named gap where one is away, remembered for a moment."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.users.deps import Deps
from services.users.settings import UsersSettings
from shared.chassis import fan_out
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.contracts.internal import StatsBody
from tests.users.conftest import FakeAccounts, Headers

NAMES = ("auth", "notifications")


class Services:
    """The other services: how often they were asked, and which are away."""

    def __init__(self) -> None:
        self.asked = 0
        self.away: set[str] = set()

    async def count(self, _account_id: UUID) -> dict[str, StatsBody | None]:
        self.asked += 1
        return {name: None if name in self.away else StatsBody(counts={"rows": 3}) for name in NAMES}


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def app(
    make_app: Callable[..., Flask], settings: UsersSettings, accounts: FakeAccounts, services: Services
) -> Flask:
    return make_app(settings, deps=Deps(accounts=accounts, count=services.count))


@pytest.fixture
def ada(accounts: FakeAccounts, client: FlaskClient, as_account: Headers) -> UUID:
    account_id = accounts.add().id
    client.get("/api/v1/users/me", headers=as_account(account_id))
    return account_id


def path(account_id: UUID) -> str:
    return f"/api/v1/users/{account_id}/stats"


def test_services_are_asked_once_a_minute(
    client: FlaskClient, ada: UUID, services: Services, as_account: Headers
) -> None:
    answers = [client.get(path(ada), headers=as_account(ada)) for _ in range(3)]

    assert answers[0].json["counts"] == {"auth": {"rows": 3}, "notifications": {"rows": 3}}
    assert (answers[0].json["gaps"], answers[0].json["id"]) == ([], str(ada))
    assert [answer.json for answer in answers[1:]] == [answers[0].json] * 2
    assert services.asked == 1


def test_who_wants_it_anew_gets_it_anew(
    client: FlaskClient, ada: UUID, services: Services, as_account: Headers
) -> None:
    headers = as_account(ada)
    client.get(path(ada), headers=headers)

    client.get(path(ada), headers={**headers, "Cache-Control": "no-cache"})
    client.get(path(ada), headers=headers)

    assert services.asked == 2


def test_service_that_is_away_leaves_a_gap_with_its_name_and_is_asked_again(
    client: FlaskClient, ada: UUID, services: Services, as_account: Headers
) -> None:
    services.away = {"auth"}
    partial = client.get(path(ada), headers=as_account(ada)).json
    services.away = set()

    whole = client.get(path(ada), headers=as_account(ada)).json

    assert (partial["gaps"], set(partial["counts"])) == (["auth"], {"notifications"})
    assert (whole["gaps"], set(whole["counts"])) == ([], set(NAMES))


def test_statistics_of_two_accounts_are_never_mixed(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, ada: UUID
) -> None:
    bob = accounts.add("bob@example.org").id
    client.get("/api/v1/users/me", headers=as_account(bob))

    ids = [client.get(path(who), headers=as_account(who)).json["id"] for who in (ada, bob, ada, bob)]

    assert ids == [str(ada), str(bob)] * 2


@pytest.mark.parametrize(("roles", "status"), [((), 403), (("admin",), 200)])
def test_statistics_are_for_oneself_and_administrators(
    client: FlaskClient, ada: UUID, as_account: Headers, roles: tuple[str, ...], status: int
) -> None:
    assert client.get(path(ada), headers=as_account(new_id(), *roles)).status_code == status


def test_unknown_account_has_no_statistics(client: FlaskClient, as_account: Headers) -> None:
    assert client.get(path(new_id()), headers=as_account(new_id(), "admin")).status_code == 404


def test_without_redis_the_services_are_asked_each_time(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    services: Services,
    private_redis: PrivateRedis,
    as_account: Headers,
) -> None:
    url = settings.model_copy(update={"redis_url": settings.redis_url.__class__(private_redis.url())})
    client = make_app(url, deps=Deps(accounts=accounts, count=services.count)).test_client()
    headers = as_account(account_id := accounts.add().id)
    client.get("/api/v1/users/me", headers=headers)
    private_redis.stop()

    statuses = [client.get(path(account_id), headers=headers).status_code for _ in range(2)]

    assert (statuses, services.asked) == ([200, 200], 2)


async def test_services_are_asked_at_once_and_whatever_goes_wrong_is_a_gap(settings: UsersSettings) -> None:
    both_are_asked = asyncio.Barrier(2)

    async def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"].startswith("Bearer ")
        if request.url.host in {"auth", "users"}:
            await both_are_asked.wait()  # in turns, it would never end
        answers = {
            "auth": httpx.Response(200, json={"counts": {"rows": 1}}),
            "users": httpx.Response(503),
            "broken": httpx.Response(200, text="nothing"),
        }
        if request.url.host == "away":
            raise httpx.ConnectError("refused")
        return answers[request.url.host]

    urls = {name: f"http://{name}/" for name in ("auth", "users", "broken", "away")}
    found = await fan_out.ask_all(
        settings, urls, "/stats", StatsBody, process="users", transport=httpx.MockTransport(answer)
    )

    assert found == {"auth": StatsBody(counts={"rows": 1}), "users": None, "broken": None, "away": None}
