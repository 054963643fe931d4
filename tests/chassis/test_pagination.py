"""A cursor leads to the next page of its own query, and nowhere else."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient

from shared.chassis import access
from shared.chassis.app import new_app
from shared.chassis.ids import new_id
from shared.chassis.openapi import Blueprint, new_api
from shared.chassis.pagination import PageQuerySchema, Position, page_of
from shared.chassis.schemas import Text
from shared.chassis.settings import ProcessSettings
from shared.chassis.testing.tokens import SECRET

ROWS = [(f"name {number // 2}", new_id()) for number in range(5)]


class ThingsQuerySchema(PageQuerySchema):
    q = Text(maximum=10, load_default=None)
    cursor = Position(load_default=None, metadata={"type": "string"})


def blueprint() -> Blueprint:
    things = Blueprint("things", __name__)

    def show(path: str) -> None:
        @things.get(path, endpoint=path.strip("/"))
        @access.public
        @things.arguments(ThingsQuerySchema, location="query")
        @things.response(200)
        def list_(query: dict[str, Any]):
            after = query["cursor"]
            rows = [row for row in sorted(ROWS) if after is None or row > after]
            page = page_of(rows[: query["limit"] + 1], limit=query["limit"], key=lambda row: row)
            return jsonify(items=[str(row[1]) for row in page["items"]], next_cursor=page["next_cursor"])

    show("/things")
    show("/others")
    return things


def new_client(*secrets: str) -> FlaskClient:
    settings = ProcessSettings(
        jwt_secret_key=secrets[0],
        jwt_previous_secret_keys=list(secrets[1:]),
        redis_url="redis://127.0.0.1:1",
        public_url="http://127.0.0.1:8080",
    )
    app: Flask = new_app(__name__, settings, process="things")
    new_api(app, title="Things", blueprints=[blueprint()])
    return app.test_client()


@pytest.fixture
def client() -> FlaskClient:
    return new_client(SECRET)


def pages(client: FlaskClient, query: str) -> Iterator[dict[str, Any]]:
    cursor = ""
    while cursor is not None:
        page = client.get(f"/things?{query}&cursor={cursor}" if cursor else f"/things?{query}").json
        yield page
        cursor = page["next_cursor"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_show_every_row_once_in_order(client: FlaskClient, limit: int) -> None:
    seen = [item for page in pages(client, f"limit={limit}") for item in page["items"]]

    assert seen == [str(row[1]) for row in sorted(ROWS)]


def test_page_size_may_change_on_the_way(client: FlaskClient) -> None:
    cursor = client.get("/things?limit=2&q=a").json["next_cursor"]

    rest = client.get(f"/things?cursor={cursor}&q=a&limit=200").json

    assert len(rest["items"]) == 3


@pytest.mark.parametrize("target", ["/things?q=b", "/things", "/others?q=a", "/things?q=a&q=a"])
def test_cursor_of_another_query_is_refused(client: FlaskClient, target: str) -> None:
    cursor = client.get("/things?limit=2&q=a").json["next_cursor"]

    answer = client.get(target + ("&" if "?" in target else "?") + f"cursor={cursor}")

    assert answer.status_code in {400, 422}
    assert "items" not in answer.json
    if answer.status_code == 400:
        assert answer.json["code"] == "cursor_of_another_query"


@pytest.mark.parametrize(
    "cursor", ["", "!!", "é", "x" * 3000, "AAAA", "01a217e8-1c79-7513-aa80-d9a61967a6ae"]
)
def test_cursor_that_we_did_not_give_out_is_refused(client: FlaskClient, cursor: str) -> None:
    answer = client.get(f"/things?cursor={quote(cursor)}")

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/query/cursor")


def test_altered_cursor_is_refused(client: FlaskClient) -> None:
    cursor = client.get("/things?limit=2").json["next_cursor"]

    altered = cursor[:-5] + ("A" if cursor[-5] != "A" else "B") + cursor[-4:]

    assert client.get(f"/things?cursor={altered}").status_code == 422


def test_cursor_shows_nothing_of_its_sort_key(client: FlaskClient) -> None:
    cursor = client.get("/things?limit=2").json["next_cursor"]

    assert "name" not in cursor
    assert str(ROWS[1][1]) not in cursor


def test_cursor_outlives_a_change_of_the_secret() -> None:
    cursor = new_client(SECRET).get("/things?limit=2").json["next_cursor"]

    answer = new_client("the-next-secret-of-more-than-thirty-two-bytes", SECRET).get(
        f"/things?cursor={cursor}"
    )

    assert len(answer.json["items"]) == 3
    assert all(UUID(item) for item in answer.json["items"])
