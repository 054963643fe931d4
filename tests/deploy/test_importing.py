"""Importing without the collector."""

import gc
from pathlib import Path

import pytest

from deploy.importing import import_quickly


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "whole.py").write_text("import gc\nwas_collected = gc.isenabled()\n")
    (tmp_path / "broken.py").write_text("raise LookupError\n")


def test_collector_rests_meanwhile_and_works_afterwards() -> None:
    assert not import_quickly("whole").was_collected
    assert gc.isenabled()


def test_collector_works_after_a_module_that_cannot_be_imported() -> None:
    with pytest.raises(LookupError):
        import_quickly("broken")

    assert gc.isenabled()
