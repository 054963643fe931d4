"""Migrations that were written at the same time follow each other; else no database can be upgraded."""

import pytest
from alembic.script import ScriptDirectory

from deploy.processes import SERVICES
from tests.repository.samples import ROOT


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_of_a_service_have_one_end(service: str) -> None:
    scripts = ScriptDirectory(str(ROOT / "services" / service / "migrations"))

    assert len(scripts.get_heads()) == 1
