"""What the page on one's own service adds for organizations."""

from typing import Any
from uuid import UUID

import click.testing
import flask
import pytest
from flask.testing import FlaskClient

from gateway.cli import check_routes
from tests.clients.page import Page
from tests.system import pages
from tests.system.backend import ROOT

PAGE = "adding-a-service.md"
HEADING = "4. Whose data: organizations"
ORDER = "6f1f5d0e-7c8e-4f57-9a63-0a8f1f0d2b11"


def snippet(language: str) -> str:
    """The one block of the section in this language."""
    (text,) = [block.text for block in pages.blocks(PAGE, HEADING) if block.language == language]
    return text


class Orders:
    """The database of the page: one order of the organization `acme`."""

    def execute(self, _statement: str, values: tuple[UUID, str]) -> "Orders":
        self._asked = (str(values[0]), values[1])
        return self

    def fetchone(self) -> dict[str, str] | None:
        return {"id": ORDER} if self._asked == (ORDER, "acme") else None


def client(claims: dict[str, Any]) -> FlaskClient:
    """Somebody with these claims, before the service of the page."""
    app = flask.Flask(__name__)
    app.before_request(lambda: setattr(flask.g, "caller", claims))
    names = {"app": app, "g": flask.g, "abort": flask.abort, "database": Orders()}
    exec(snippet("python"), names)  # noqa: S102
    return app.test_client()


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 403),
        ({"org": {"id": "other", "role": "owner"}}, 404),
        ({"org": {"id": "acme", "role": "member"}}, 200),
    ],
)
def test_order_belongs_to_the_caller_s_organization(claims: dict[str, Any], status: int) -> None:
    assert client(claims).get(f"/api/v1/orders/{ORDER}").status_code == status


def test_route_may_ask_for_a_role_in_the_organization(tmp_path: Any) -> None:
    routes = tmp_path / "orders.toml"
    routes.write_text(Page(ROOT / "docs" / PAGE).files["orders.toml"] + snippet("toml"))

    outcome = click.testing.CliRunner().invoke(check_routes, [str(routes)])

    assert "orders-admin" in outcome.output
    assert outcome.exit_code == 0
