"""The administrators' search: what it finds, in which order, and that it never reads the table for it."""

import json
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from services.users.commands import profiles as commands
from services.users.models import Profile, db
from services.users.profiles import listing, reading
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.names import LONGEST
from tests.users import search_plans
from tests.users.conftest import FakeAccounts, Headers

USERS = "/api/v1/users"
NAMES = ["ada Byron", "Ádám", "Bob", None, "ada Byron", "Émile", "zoe", "Adalbert", None]


@pytest.fixture(scope="module")
def filled() -> Iterator[Flask]:
    """users with as many profiles as let the planner tell an index from the table."""
    with search_plans.database() as url:
        app = search_plans.new_app(url)
        with app.app_context():
            search_plans.fill(1, 30_000)
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def large(filled: Flask) -> Iterator[Flask]:
    """The same in a context of the test's own: no session that another test has begun."""
    with filled.app_context():
        yield filled


@pytest.fixture
def people(app: Flask) -> list[UUID]:
    """Profiles with names that are equal, absent or beyond ASCII."""
    now = utcnow()
    rows = [
        Profile(
            id=new_id(),
            email=f"user{len(NAMES) - number}@example.org",
            name=name,
            is_active=number % 3 != 0,
            roles=["admin"] if number == 4 else [],
            created_at=now - timedelta(days=number // 2),
            updated_at=now,
        )
        for number, name in enumerate(NAMES)
    ]
    with app.app_context(), transaction(db) as session:
        session.add_all(rows)
        return [row.id for row in rows]


@pytest.fixture
def search(client: FlaskClient, as_account: Headers) -> Callable[..., list[dict[str, object]]]:
    """All pages of a search."""

    def find(limit: int = 2, **query: object) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        cursor = None
        while True:
            asked = {**query, "limit": limit, **({"cursor": cursor} if cursor else {})}
            answer = client.get(USERS, headers=as_account(new_id(), "admin"), query_string=asked)
            assert answer.status_code == 200, answer.json
            assert len(answer.json["items"]) <= limit
            found += answer.json["items"]
            cursor = answer.json["next_cursor"]
            if cursor is None:
                return found

    return find


@pytest.mark.parametrize("name", search_plans.SEARCHES)
def test_search_reads_no_more_of_the_table_than_its_page(large: Flask, name: str) -> None:
    assert search_plans.faults(search_plans.plan_of(name)) == []


@pytest.mark.parametrize("name", ["newest", "by name", "by name, backwards", "by address", "a common name"])
def test_so_does_the_page_after_it(large: Flask, name: str) -> None:
    assert search_plans.faults(search_plans.plan_of(name, search_plans.next_page)) == []


def test_text_that_is_looked_for_in_order_is_read_in_the_index_alone(large: Flask) -> None:
    plan = search_plans.plan_of("what is in every address")

    assert "Index Only Scan" in search_plans.nodes(plan)


def test_plan_of_a_search_does_not_depend_on_the_searches_before(large: Flask) -> None:
    searches = ["a common name"] * 11 + ["a rare name", "an address begins", "administrators"]

    for name in searches:
        search_plans.find(name)

    kept = db.session.execute(
        db.text(
            "SELECT statement FROM pg_prepared_statements WHERE generic_plans > 0 AND statement ~ 'profiles'"
        )
    )
    assert kept.scalars().all() == []
    db.session.rollback()


def test_statements_other_than_searches_are_prepared_as_ever(large: Flask) -> None:
    connection = db.session.connection().connection.driver_connection
    before = connection.prepare_threshold

    search_plans.find("a common name")

    assert db.session.connection().connection.driver_connection is connection
    assert connection.prepare_threshold == before
    assert before is not None
    db.session.rollback()


def test_page_of_a_search_is_one_statement_outside_of_a_transaction(
    large: Flask, as_account: Headers
) -> None:
    asked: list[tuple[str, bool]] = []

    def note(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append((statement.split()[0], connection.connection.driver_connection.autocommit))

    event.listen(db.engine, "before_cursor_execute", note)
    pages = [ask(large, as_account, q="Lovelace", limit=limit) for limit in (200, 20, 20)]
    event.remove(db.engine, "before_cursor_execute", note)

    assert [len(page["items"]) for page in pages] == [150, 20, 20]
    assert asked == [("SELECT", True), ("SELECT", True), ("EXPLAIN", True), ("SELECT", True)]


def test_longest_name_and_address_are_in_the_index(app: Flask, accounts: FakeAccounts) -> None:
    chance = Random(1)
    name = "".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(LONGEST))
    local = "".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(64))
    account = accounts.add(f"{local}@{'x' * 60}.{'y' * 60}.{'z' * 60}.org", display_name=name)

    with app.app_context():
        reading.get_own(account.id)
    with app.app_context():
        found = listing.search(limit=2, sort="created_at", cursor=None, q=name[50:60])["items"]

    assert [item["id"] for item in found] == [str(account.id)]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("Zyxwvutsrq", ["Zyxwvutsrq Needle"]),
        ("zyxwvutrsq", ["Zyxwvutsrq Needle"]),
        ("rare.needle@e", ["Zyxwvutsrq Needle"]),
        ("rare.neeedle@e", []),
        ("%%%", []),
    ],
)
def test_name_that_is_written_almost_so_is_found_where_nothing_contains_the_text(
    large: Flask, as_account: Headers, q: str, names: list[str]
) -> None:
    page = ask(large, as_account, q=q)

    assert [item["name"] for item in page["items"]] == names
    assert page["estimated_total"] == len(names)
    assert listing.count(q=q) == len(names)
    assert [json.loads(line)["name"] for line in listing.give_out(q=q)] == names


def ask(app: Flask, as_account: Headers, **query: object) -> dict[str, Any]:
    """A page of the large table."""
    answer = app.test_client().get(USERS, headers=as_account(new_id(), "admin"), query_string=query)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_names_that_are_written_almost_so_do_not_join_those_that_contain_the_text(
    large: Flask, as_account: Headers
) -> None:
    page = ask(large, as_account, q="Lovelac")

    assert {item["name"].split()[-1] for item in page["items"]} == {"Lovelace"}


def test_pages_of_names_that_are_written_almost_so_hold_each_once(large: Flask, as_account: Headers) -> None:
    page = ask(large, as_account, q="Lovelase", sort="email", limit=80)
    rest = ask(large, as_account, q="Lovelase", sort="email", limit=80, cursor=page["next_cursor"])

    found = [item["email"] for item in page["items"] + rest["items"]]
    assert rest["next_cursor"] is None
    assert len(found) == 150
    assert found == sorted(set(found))


def test_total_is_about_right(large: Flask) -> None:
    wanted = {"all": (search_plans.Filters(), 30_001), "disabled": (search_plans.Filters(is_active=False), 6)}

    for filters, total in wanted.values():
        estimated = search_plans.search.estimate(filters)
        assert total / 3 <= estimated <= total * 3


@pytest.mark.parametrize("sort", ["name", "-name", "email", "-email", "created_at", "-created_at"])
def test_pages_hold_every_profile_once_and_in_order(
    people: list[UUID], search: Callable[..., list[dict[str, object]]], sort: str
) -> None:
    found = search(sort=sort)

    def key(item: dict[str, object]) -> tuple[str, str]:
        value = item[sort.removeprefix("-")] or ""
        return (str(value).lower() if sort.endswith("name") else str(value), str(item["id"]))

    assert sorted(str(item["id"]) for item in found) == sorted(map(str, people))
    assert found == sorted(found, key=key, reverse=sort.startswith("-"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "byron"}, {0, 4}),
        ({"q": "ad"}, {0, 4, 7}),
        ({"q": "yr"}, set()),
        ({"q": "user3@"}, {6}),
        ({"q": "%%%"}, set()),
        ({"q": "___"}, set()),
        ({"q": "\\\\\\"}, set()),
        ({"email_prefix": "USER3"}, {6}),
        ({"email_prefix": "ser"}, set()),
        ({"email_prefix": "%"}, set()),
        ({"role": "admin"}, {4}),
        ({"role": "adm"}, set()),
        ({"is_active": "false"}, {0, 3, 6}),
        ({"is_active": "false", "q": "byron"}, {0}),
    ],
)
def test_filters_find_what_they_name(
    people: list[UUID], search: Callable[..., list[dict[str, object]]], query: dict[str, str], found: set[int]
) -> None:
    ids = {item["id"] for item in search(**query)}

    assert ids == {str(people[number]) for number in found}


def test_total_of_one_page_is_exact_and_of_more_never_less_than_was_seen(
    people: list[UUID], client: FlaskClient, as_account: Headers
) -> None:
    headers = as_account(new_id(), "admin")

    one, more = (client.get(f"{USERS}?limit={limit}", headers=headers).json for limit in (50, 3))

    assert one["estimated_total"] == len(people)
    assert more["estimated_total"] >= 4


def test_total_is_estimated_once_for_many_pages(
    app: Flask, people: list[UUID], client: FlaskClient, as_account: Headers
) -> None:
    headers = as_account(new_id(), "admin")
    asked: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))

    pages = [client.get(f"{USERS}?limit={limit}", headers=headers).json for limit in (2, 3, 4)]

    assert len({page["estimated_total"] for page in pages}) == 1
    assert sum(statement.startswith("EXPLAIN") for statement in asked) == 1


def test_export_holds_what_matches_for_its_owner_alone(
    app: Flask, people: list[UUID], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "create_app", lambda: app)
    path = tmp_path / "profiles.ndjson"

    first = CliRunner().invoke(commands.export_profiles, ["--active", str(path)])
    again = CliRunner().invoke(commands.export_profiles, [str(path)])

    assert (first.exit_code, again.exit_code) == (0, 2), first.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["created_at"] for line in lines] == sorted(line["created_at"] for line in lines)
    assert {line["id"] for line in lines} == {str(people[number]) for number in (1, 2, 4, 5, 7, 8)}
    assert "admin_metadata" in lines[0]
    assert list(tmp_path.iterdir()) == [path]


class Bar:
    """A progress bar that remembers how far it went."""

    def __init__(self, *, length: int, label: str) -> None:
        self.length, self.label, self.done = length, label, 0

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, count: int) -> None:
        self.done += count


def test_export_shows_its_progress(
    app: Flask, people: list[UUID], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[Bar] = []

    def new_bar(**options: Any) -> Bar:
        bars.append(Bar(**options))
        return bars[-1]

    monkeypatch.setattr(commands, "create_app", lambda: app)
    monkeypatch.setattr("click.progressbar", new_bar)

    CliRunner().invoke(commands.export_profiles, ["--active", str(tmp_path / "profiles.ndjson")])

    assert [(bar.length, bar.done) for bar in bars] == [(6, 6)]


def test_export_refuses_a_moment_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        commands.export_profiles, ["--created-after", "yesterday", str(tmp_path / "profiles.ndjson")]
    )

    assert result.exit_code == 2
    assert "yesterday" in result.output
