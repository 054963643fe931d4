"""Who is let in by a handshake: the policies of its route, origins, subprotocols, places."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token
from shared.contracts import delivery
from tests.gateway.conftest import ORIGIN, Gateway
from tests.gateway.sockets.opening import open_socket, refusal_of


async def test_a_handshake_meets_the_policies_of_its_route(sockets: Gateway, account_id: UUID) -> None:
    user, admin = access_token(account_id), access_token(account_id, roles=("admin",))

    assert await refusal_of(open_socket(sockets, "/ws/echo")) == (401, "token_missing")
    assert await refusal_of(open_socket(sockets, "/ws/echo", "x.y.z")) == (401, "token_invalid")
    assert await refusal_of(open_socket(sockets, "/admins/echo", user)) == (403, "role_required")
    assert await refusal_of(open_socket(sockets, "/nowhere")) == (501, "upgrade_not_supported")
    assert await refusal_of(open_socket(sockets, "/plain")) == (501, "upgrade_not_supported")
    assert await refusal_of(open_socket(sockets, "/livez")) == (501, "upgrade_not_supported")
    async with open_socket(sockets, "/admins/echo", admin) as socket:
        await socket.send("x")
        assert await socket.recv() == "x"


async def test_handshakes_are_counted_by_the_limits(sockets: Gateway) -> None:
    for _ in range(3):
        async with open_socket(sockets, "/limited/echo") as socket:
            assert socket.response is not None
            assert "ratelimit" in socket.response.headers

    assert await refusal_of(open_socket(sockets, "/limited/echo")) == (429, "rate_limited")


async def test_a_token_may_come_as_a_subprotocol(sockets: Gateway, account_id: UUID) -> None:
    token = access_token(account_id)
    offered = [Subprotocol(f"bearer.{token}"), Subprotocol("chat")]
    async with open_socket(sockets, "/ws/fields", subprotocols=offered) as socket:
        found = {name.lower(): value for name, value in json.loads(await socket.recv())}
        assert socket.subprotocol == "chat"

    assert found["authorization"] == f"Bearer {token}"
    assert found["sec-websocket-protocol"] == "chat"
    assert token not in sockets.lines()


async def test_where_the_service_chooses_no_subprotocol_bearer_is_the_answer(
    sockets: Gateway, account_id: UUID
) -> None:
    offered = [Subprotocol("bearer"), Subprotocol(f"bearer.{access_token(account_id)}")]
    async with open_socket(sockets, "/ws/fields", subprotocols=offered) as socket:
        names = {name.lower() for name, _ in json.loads(await socket.recv())}

        assert socket.subprotocol == "bearer"
    assert "sec-websocket-protocol" not in names


async def test_two_tokens_are_refused(sockets: Gateway, account_id: UUID) -> None:
    one, other = (Subprotocol(f"bearer.{access_token(account_id)}{end}") for end in ("", "x"))

    twice = await refusal_of(open_socket(sockets, "/ws/echo", subprotocols=[one, other]))
    in_both = await refusal_of(open_socket(sockets, "/ws/echo", access_token(account_id), subprotocols=[one]))

    assert twice == in_both == (400, "field_repeated")


@pytest.mark.parametrize(
    ("origin", "path", "outcome"),
    [
        (ORIGIN, "/ws/echo", "let in"),
        ("http://localhost:PORT", "/ws/echo", "let in"),
        ("https://evil.example", "/ws/echo", (403, "origin_not_allowed")),
        ("null", "/ws/echo", (403, "origin_not_allowed")),
        (None, "/ws/echo", (403, "origin_not_allowed")),  # no browser says so: cookies alone are not enough
        ("https://evil.example", "/public/echo", "let in"),
    ],
)
async def test_a_session_in_cookies_is_for_pages_of_allowed_origins(
    sockets: Gateway, account_id: UUID, origin: str | None, path: str, outcome: Any
) -> None:
    fields = {"Cookie": f"{delivery.ACCESS_COOKIE}={access_token(account_id)}"}
    if origin is not None:
        origin = origin.replace("PORT", str(sockets.port))
    connecting = connect(
        f"ws://localhost:{sockets.port}{path}",
        host="127.0.0.1",
        additional_headers=fields,
        origin=Origin(origin) if origin else None,
    )
    if outcome != "let in":
        assert await refusal_of(connecting) == outcome
        return
    async with connecting as socket:
        await socket.send("x")
        assert await socket.recv() == "x"


async def test_a_foreign_page_is_refused_with_a_token_too(sockets: Gateway, account_id: UUID) -> None:
    connecting = open_socket(
        sockets, "/ws/echo", access_token(account_id), origin=Origin("https://evil.example")
    )

    assert await refusal_of(connecting) == (403, "origin_not_allowed")


async def test_where_any_page_may_come_it_comes_without_cookies(sockets: Gateway) -> None:
    async with open_socket(
        sockets, "/public/fields", fields={"Cookie": "own=1"}, origin=Origin("https://evil.example")
    ) as socket:
        names = {name.lower() for name, _ in json.loads(await socket.recv())}

    assert "cookie" not in names


async def test_a_caller_has_so_many_sockets_and_no_more(sockets: Gateway, account_id: UUID) -> None:
    token = access_token(account_id)
    opened = [await open_socket(sockets, "/ws/echo", token) for _ in range(20)]

    assert await refusal_of(open_socket(sockets, "/ws/echo", token)) == (429, "too_many_websockets")
    async with open_socket(sockets, "/ws/echo", access_token(new_id())):
        pass  # others have their own
    for socket in opened:
        await socket.close()
    await until_let_in(sockets, "/ws/echo", token)


async def until_let_in(gateway: Gateway, path: str, token: str) -> None:
    """Once the gateway has seen the close of one of the sockets."""
    async with asyncio.timeout(30):
        while True:
            with suppress(InvalidStatus):
                async with open_socket(gateway, path, token):
                    return
