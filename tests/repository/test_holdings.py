"""What is held on an account is exported to its owner, or there is a reason why not.

These tests go by the names of columns; tests/together/test_holdings.py looks for an id in what is stored.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Uuid

from deploy.processes import SERVICES
from shared.chassis.holdings import Exported, LeftOut
from tests import traces

# How columns with an account's id are called, and those with the id of something else.
OWNERS = {"account_id", "actor_id", "requested_by", "created_by", "invited_by"}
OTHERS = {
    "id",
    "credential_id",
    "delivery_id",
    "device_id",
    "export_id",
    "message_id",
    "organization_id",
}
ROOTS = {"accounts", "profiles", "recipients"}
SECRET = {
    "password_hash",
    "token_hash",
    "key_hash",
    "code_hash",
    "sealed",
    "sealed_secret",
    "sealed_variables",
}


def tables(service: str) -> dict[str, Any]:
    models = import_module(f"services.{service}.models")
    return dict(models.db.metadata.tables)


def holdings(service: str) -> list[Exported | LeftOut]:
    return list(import_module(f"services.{service}.holdings").HOLDINGS)


def belongs_to_an_account(table: Any, known: set[str]) -> bool:
    """Whether the table says whose a row is, itself or by the table that it belongs to."""
    parents = {key.column.table.name for key in table.foreign_keys}
    return bool(OWNERS & {column.name for column in table.columns} or table.name in ROOTS or parents & known)


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_with_an_account_s_id_is_exported_or_says_why_not(service: str) -> None:
    listed = {holding.table for holding in holdings(service)}

    silent = {
        name
        for name, table in tables(service).items()
        if belongs_to_an_account(table, listed) and name not in listed
    }

    assert silent == set()


@pytest.mark.parametrize("service", SERVICES)
def test_of_every_id_it_is_known_whether_it_is_an_account_s(service: str) -> None:
    columns = [column for table in tables(service).values() for column in table.columns]

    assert {column.name for column in columns if isinstance(column.type, Uuid)} <= OWNERS | OTHERS


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_is_exported_and_what_is_hidden_is_there(service: str) -> None:
    for holding in holdings(service):
        if isinstance(holding, Exported):
            names = {column.name for column in holding.model.__table__.columns}
            assert holding.hidden <= names, holding.table
            assert not SECRET & {column.name for column in holding.columns}, holding.table


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_left_out_has_a_reason(service: str) -> None:
    assert all(holding.reason for holding in holdings(service) if isinstance(holding, LeftOut))


def test_documentation_says_why_and_how_long_each_id_of_a_deleted_account_stays() -> None:
    page = (Path(__file__).parents[2] / "docs" / "users.md").read_text()
    section = page.partition("\n## To leave\n")[2].partition("\n## ")[0]

    listed = re.findall(r"^\| (?:Redis, )?`([a-z_.:]+)` \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)

    assert sorted(listed) == sorted(traces.KEPT | traces.KEPT_IN_REDIS)
