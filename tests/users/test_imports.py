"""Profiles that come along in a file: what users owns is taken over, and a bad line costs no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from services.users.commands import profiles as commands
from services.users.models import Outbox, db
from shared.chassis.ids import new_id
from tests.users.conftest import FakeAccounts, Headers

ME = "/api/v1/users/me"
MOVED = {
    "name": "Ada Byron",
    "locale": "de",
    "timezone": "Europe/Berlin",
    "avatar_url": "https://pictures.example.org/ada.png",
    "metadata": {"theme": "dark", "sizes": [1, 2]},
    "public_metadata": {"pronouns": "she"},
    "admin_metadata": {"plan": "gold"},
}
Import = Callable[..., Result]


@pytest.fixture
def take_in(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Import:
    """Run the command on a file of these lines: objects, or bytes as they are."""
    monkeypatch.setattr(commands, "create_app", lambda: app)

    def run(*lines: dict[str, Any] | bytes) -> Result:
        file = tmp_path / "profiles.ndjson"
        file.write_bytes(
            b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
        )
        return CliRunner().invoke(commands.import_profiles, [str(file)])

    return run


@pytest.fixture
def administered(client: FlaskClient, as_account: Headers) -> Callable[..., dict[str, Any]]:
    """The whole profile, as administrators see it."""

    def read(account_id: object) -> dict[str, Any]:
        profile: dict[str, Any] = client.get(
            f"/api/v1/users/{account_id}", headers=as_account(new_id(), "admin")
        ).json
        return profile

    return read


def test_profiles_of_an_export_come_along(
    client: FlaskClient,
    accounts: FakeAccounts,
    as_account: Headers,
    take_in: Import,
    administered: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    ada, bob = accounts.add("ada@example.org"), accounts.add("bob@example.org")
    for account in (ada, bob):
        client.get(ME, headers=as_account(account.id))

    result = take_in({"id": str(ada.id), **MOVED}, {"email": "BOB@example.org", "name": None})
    exported = tmp_path / "out.ndjson"
    CliRunner().invoke(commands.export_profiles, [str(exported)])
    again = take_in(*exported.read_bytes().splitlines())

    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Changed 2, refused 0.")
    assert (again.exit_code, again.output.splitlines()[-1]) == (0, "Changed 2, refused 0.")
    assert MOVED.items() <= administered(ada.id).items()
    assert client.get(ME, headers=as_account(ada.id)).json["name"] == "Ada Byron"  # not out of the cache
    assert administered(bob.id)["name"] is None


def test_other_services_learn_of_imported_names_and_languages(
    app: Flask, client: FlaskClient, accounts: FakeAccounts, as_account: Headers, take_in: Import
) -> None:
    ada = accounts.add()
    client.get(ME, headers=as_account(ada.id))

    take_in({"id": str(ada.id), **MOVED})

    with app.app_context():
        assert set(db.session.scalars(db.select(Outbox.name))) == {"profile_changed"}


def test_bad_line_is_reported_and_costs_no_other(
    client: FlaskClient,
    accounts: FakeAccounts,
    as_account: Headers,
    take_in: Import,
    administered: Callable[..., dict[str, Any]],
) -> None:
    ada = accounts.add()
    client.get(ME, headers=as_account(ada.id))
    who = {"id": str(ada.id)}
    bad: list[dict[str, Any] | bytes] = [
        b"{",
        b"[1]",
        {"name": "Nobody"},
        {"id": str(new_id()), "name": "Nobody"},
        {"email": "nobody@example.org"},
        {**who, "name": "a\x00b"},
        {**who, "timezone": "Mars/Olympus"},
        {**who, "metadata": {"much": "x" * 20_000}},
        {**who, "metadata": {"n": "a\x00b"}},
        {**who, "nmae": "Ada"},
        {**who, "avatar_url": "http://pictures.example.org/ada.png"},
    ]

    result = take_in(*bad, b"", {**who, "name": "Ada Byron"})

    assert result.exit_code == 1
    assert f"Changed 1, refused {len(bad)}." in result.output
    reported = [line.partition(":")[0] for line in result.output.splitlines() if line.startswith("line ")]
    assert reported == [f"line {number}" for number in range(1, len(bad) + 1)]
    assert administered(ada.id)["name"] == "Ada Byron"


def test_state_roles_and_uploaded_pictures_stay_as_they_are(
    client: FlaskClient,
    accounts: FakeAccounts,
    as_account: Headers,
    take_in: Import,
    administered: Callable[..., dict[str, Any]],
) -> None:
    ada = accounts.add()
    client.get(ME, headers=as_account(ada.id))
    before = administered(ada.id)
    uploaded = "http://127.0.0.1:8080/api/v1/users/avatars/0123.webp"

    result = take_in(
        {**before, "roles": ["admin"], "is_active": False, "name": "Ada B", "avatar_url": uploaded}
    )

    assert result.exit_code == 0, result.output
    after = administered(ada.id)
    assert after == {**before, "name": "Ada B", "updated_at": after["updated_at"]}
