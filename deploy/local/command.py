"""``doorward up``: what happens in which order, from the folder to the last stop."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Collection
from importlib import import_module
from types import ModuleType

import click

from deploy import known_settings, preflight
from deploy.local import credentials, env_file, environment, ports, programs, summary, valkey
from deploy.local.console import Console
from deploy.local.errors import RunnerError, StartFailed
from deploy.local.folder import STATE, DataFolder
from deploy.local.postgres import Postgres
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervisor, all_of
from deploy.processes import PROCESSES, SERVICES


@click.command()
def up() -> None:
    """Run everything on this machine until Ctrl-C; the data stays in .data."""
    os.umask(0o022)  # the server's user has to pass through the folder; what is secret says so itself
    try:
        from_file = env_file.adopt(LocalSettings.load().env_file)
        settings = LocalSettings.load()
        folder = DataFolder(settings.data_dir)
        try:
            run = _Run(settings, folder)
            run.check(from_file)
            asyncio.run(run.until_stopped())
        except StartFailed:
            folder.refuse_full_disk()  # if that is why, it is the clearer sentence
            raise
        finally:
            folder.release()
    except RunnerError as error:
        click.echo(f"doorward: {error}", err=True)
        sys.exit(error.exit_code)


class _Run:
    """One run, from nothing to ready to stopped."""

    def __init__(self, settings: LocalSettings, folder: DataFolder) -> None:
        self._started_at = time.monotonic()
        self._settings = settings
        self._folder = folder
        self._secrets = credentials.ensure(folder)
        self._ports = ports.choose(folder, settings.ports)
        self._environment = environment.build(settings, folder, secrets=self._secrets, ports=self._ports)
        self._inherited = dict(os.environ)
        self._stopping = asyncio.Event()
        self._console = Console(on_closed=self._stopping.set)
        self._supervisor = Supervisor(self._console, on_change=self._share)

    def check(self, from_file: Collection[str]) -> None:
        """Say what was read and what is no setting. Raises SettingsError where a start would be in vain."""
        os.environ.update(self._environment)
        preflight.check(PROCESSES)
        if from_file:
            self._console.say(f"{self._settings.env_file} sets {', '.join(from_file)}")
        for sentence in known_settings.unknown(self._inherited, PROCESSES):
            self._console.say(sentence)

    async def until_stopped(self) -> None:
        """Start everything, wait for a signal, stop everything. Raises RunnerError where the start fails."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopping.set)
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
            self._console.say("stopping; a second Ctrl-C kills")
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            await self._supervisor.stop()
        self._console.say("stopped")

    def _interrupt(self) -> None:
        if self._stopping.is_set():
            self._supervisor.kill()
        self._stopping.set()

    async def _start(self) -> None:
        settings, given = self._settings, self._environment
        await all_of(self._start_postgres(), self._start_valkey(), self._start_mailbox())
        # The gateway stops before those behind it, hence a stage of its own; it starts beside them.
        await all_of(
            self._supervisor.start(programs.servers(given)),
            self._supervisor.start([programs.gateway(given)]),
        )
        seconds = time.monotonic() - self._started_at
        self._console.plain(summary.text(settings, given, seconds=seconds))

    async def _start_postgres(self) -> None:
        # The import takes as long as the server's start.
        importing = asyncio.create_task(asyncio.to_thread(import_module, "deploy.local.databases"))
        if self._settings.embedded_databases:
            server = Postgres(self._folder, self._ports[ports.POSTGRES])
            await server.prepare(self._supervisor.run, self._secrets["postgres_password"])
            await self._supervisor.start([server.program()])
        databases = await importing
        if self._settings.embedded_databases:
            port = self._ports[ports.POSTGRES]
            await asyncio.to_thread(
                databases.ensure, self._settings.embedded_databases, port=port, secrets=self._secrets
            )
        await all_of(*(self._migrate(service, databases) for service in SERVICES))

    async def _migrate(self, service: str, databases: ModuleType) -> None:
        url = self._environment[f"{service.upper()}_DATABASE_URL"]
        if not await asyncio.to_thread(databases.is_current, service, url):
            await self._supervisor.run(programs.migration(service, self._environment))

    async def _start_valkey(self) -> None:
        if self._settings.redis_url is not None:
            return
        port, password = self._ports[ports.VALKEY], self._secrets["valkey_password"]
        server = valkey.program(self._folder, port=port, password=password)
        try:
            await self._supervisor.start([server])
        except StartFailed as error:
            if not valkey.is_about_its_data(error.lines):
                raise
            valkey.put_aside(self._folder, self._console)
            await self._supervisor.start([server])

    async def _start_mailbox(self) -> None:
        if self._settings.has_mailbox:
            await self._supervisor.start([programs.mailbox(self._environment)])

    def _share(self, processes: dict[str, int]) -> None:
        shared = environment.to_share(self._environment, self._inherited)
        self._folder.write(STATE, {"environment": shared, "processes": processes})
