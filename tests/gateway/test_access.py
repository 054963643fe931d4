"""Who may call a route, as a gateway answers that reads it from the route file."""

from typing import Any

import httpx

from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token, bearer
from tests.gateway.conftest import StartGateway
from tests.gateway.echo import Upstream

ROUTES = """
[upstreams.u]
urls = ["${USERS_URL}"]
[[routes]]
name = "books"
prefix = "/books"
upstream = "u"
access = { org_roles = ["owner", "admin"] }
"""
ORGANIZATION = str(new_id())


def working_as(role: str | None) -> dict[str, Any]:
    """The claims of a session that works for an organization in this role, or for none."""
    return {} if role is None else {"org": {"id": ORGANIZATION, "role": role}}


def test_route_for_roles_in_an_organization_refuses_everybody_else(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    gateway = start_gateway(routes=ROUTES)

    def call(**token: Any) -> tuple[int, str | None]:
        answer = httpx.get(f"{gateway.url}/books", headers=bearer(access_token(new_id(), **token)))
        return answer.status_code, answer.json().get("code")

    refused = (403, "organization_role_required")
    answers = {role: call(claims=working_as(role)) for role in ("owner", "admin", "member", None)}
    assert answers == {"owner": (200, None), "admin": (200, None), "member": refused, None: refused}
    assert call(roles=("owner", "admin")) == refused  # of the account, and not in the organization
    assert httpx.get(f"{gateway.url}/books").status_code == 401
    assert len(upstream.at("/books")) == 2
