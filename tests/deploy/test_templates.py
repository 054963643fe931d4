"""Templates of databases in a cache: complete or absent, one for each set of migrations."""

import asyncio
import io
import os
import shutil
import sys
import time
from pathlib import Path

import psycopg
import pytest

from deploy import preflight
from deploy.local import credentials, environment, ports, programs, stores, templates
from deploy.local.console import Console
from deploy.local.errors import FolderUnusable, RunnerError
from deploy.local.folder import DataFolder
from deploy.local.program import Program
from deploy.local.settings import LocalSettings
from deploy.local.stores import Stores
from deploy.local.supervisor import Supervisor
from deploy.local.templates import Templates
from deploy.processes import SERVICES
from shared.chassis.testing.engines import free_port


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """What stands for the files of a server that was stopped."""
    folder = tmp_path / "postgres"
    (folder / "base").mkdir(parents=True)
    (folder / "PG_VERSION").write_text("18\n")
    folder.chmod(0o700)
    return folder


def test_copy_has_files_modes_and_the_password_of_what_was_kept(
    cache: Path, cluster: Path, tmp_path: Path
) -> None:
    Templates(cache).keep(cluster, "secret")
    copied, password_file = tmp_path / "other", tmp_path / "password"

    assert Templates(cache).exists
    Templates(cache).copy(copied, password_file)

    assert (copied / "PG_VERSION").read_text() == "18\n"
    assert (copied / "base").is_dir()
    assert copied.stat().st_mode & 0o777 == 0o700
    assert password_file.read_text() == "secret"
    assert password_file.stat().st_mode & 0o777 == 0o600


def test_fill_that_is_interrupted_leaves_no_template_and_is_tidied_up_by_the_next(
    cache: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(templates, "_copy", kill)
        with pytest.raises(KeyboardInterrupt):
            Templates(cache).keep(cluster, "secret")
    assert not Templates(cache).exists
    assert len(list(cache.iterdir())) == 1

    Templates(cache).keep(cluster, "secret")

    assert Templates(cache).exists
    assert len(list(cache.iterdir())) == 1


def test_template_of_other_migrations_is_another_one(
    cache: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Templates(cache).keep(cluster, "secret")
    migrations = tmp_path / "services" / "auth" / "migrations" / "versions"
    shutil.copytree(templates.ROOT / "services/auth/migrations/versions", migrations)

    monkeypatch.setattr(templates, "ROOT", tmp_path)

    assert not Templates(cache).exists


def test_template_that_nobody_used_for_a_month_is_deleted(cache: Path, cluster: Path) -> None:
    old, used = cache / "0123", cache / "4567"
    for folder in (old, used):
        folder.mkdir()
    long_ago = time.time() - templates.UNUSED_SECONDS - 60
    os.utime(old, (long_ago, long_ago))

    Templates(cache).keep(cluster, "secret")

    assert not old.exists()
    assert used.exists()


async def test_only_one_runner_has_the_lock(cache: Path) -> None:
    order = []

    async def second() -> None:
        async with Templates(cache).locked():
            order.append("second")

    async with Templates(cache).locked():
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)  # as far as it comes
        order.append("first")
    await waiting

    assert order == ["first", "second"]


async def test_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(FolderUnusable, match="cannot be used"):
        async with Templates(tmp_path / "file").locked():
            pass


def test_copy_that_fails_is_a_sentence(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="could not be copied"):
        Templates(cache).keep(tmp_path / "absent", "secret")


class Folder:
    """A data folder on which the stores of a runner start and stop."""

    def __init__(self, path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOORWARD_TEMPLATE_DIR", str(cache))
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")  # none of its own
        self.folder = DataFolder(path)
        self.secrets = credentials.ensure(self.folder)
        self.port = free_port()

    async def start_and_ask(self) -> list[str]:
        """Start; ask auth's database as auth may; stop. What the start and the question said."""
        output = io.StringIO()
        supervisor = Supervisor(Console(output))
        settings, chosen = LocalSettings.load(), {ports.POSTGRES: self.port, ports.VALKEY: 1}
        url = environment.database_url("auth", secrets=self.secrets, port=self.port)
        urls = {f"{service.upper()}_DATABASE_URL": url.replace("auth", service) for service in SERVICES}
        embedded = Stores(self.folder, settings, urls, secrets=self.secrets, ports=chosen)
        try:
            await embedded.start(supervisor, Console(output))
            with psycopg.connect(url) as connection:
                connection.execute("SELECT 1")
        finally:
            await supervisor.stop()
        return output.getvalue().splitlines()


def passing_migration(service: str, _environment: object) -> Program:
    return Program(f"{service}-migrate", [sys.executable, "-c", "print('migrated')"])


async def test_second_data_folder_is_a_copy_with_passwords_of_its_own(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "migration", passing_migration)
    monkeypatch.setattr(preflight, "check_stored", lambda _services: None)  # there are no tables
    made, copied = (Folder(data_folder / name, tmp_path / "cache", monkeypatch) for name in ("a", "b"))

    said_by_the_first = await made.start_and_ask()
    said_by_the_second = await copied.start_and_ask()
    # A kill between the change of the passwords and the note of it.
    (copied.folder.path / stores.PASSWORD_OF_TEMPLATE).write_text(made.secrets["postgres_password"])
    await copied.start_and_ask()

    assert sum("migrated" in line for line in said_by_the_first) == len(SERVICES)
    assert not any("migrated" in line for line in said_by_the_second)
    assert not (copied.folder.path / stores.PASSWORD_OF_TEMPLATE).exists()
