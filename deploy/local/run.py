"""One run of everything: from the settings to ready to stopped, and what SIGHUP changes in between."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Collection

import click

from deploy import known_settings, preflight
from deploy.local import credentials, environment, ports, probes, programs, summary
from deploy.local.console import Console
from deploy.local.env_file import Given
from deploy.local.folder import STATE, DataFolder
from deploy.local.settings import LocalSettings
from deploy.local.stores import Stores
from deploy.local.supervisor import Supervisor, all_of
from deploy.processes import PROCESSES, SERVICES
from shared.chassis.settings import SettingsError


class Run:
    """Everything on this machine. Raises RunnerError where it cannot have its folder or ports."""

    def __init__(self, given: Given, settings: LocalSettings, folder: DataFolder, *, is_json: bool) -> None:
        self._started_at = time.monotonic()
        self._given = given
        self._settings = settings
        self._folder = folder
        self._is_json = is_json
        self._secrets = credentials.ensure(folder)
        self._ports = ports.choose(folder, settings.ports)
        self._environment = self._built(settings)
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Event()
        self._console = Console(sys.stderr if is_json else sys.stdout, on_closed=self._stopping.set)
        self._supervisor = Supervisor(self._console, on_change=self._share)

    def check(self, from_file: Collection[str]) -> None:
        """Say what was read and what is no setting. Raises SettingsError where a start would be in vain."""
        given = list(os.environ)
        os.environ.update(self._environment)
        preflight.check(PROCESSES, given)
        if from_file:
            self._console.say(f"{self._settings.env_file} sets {', '.join(from_file)}")
        for sentence in known_settings.unknown(given, PROCESSES):
            self._console.say(sentence)

    async def until_stopped(self) -> None:
        """Start everything, wait for a signal, stop everything. Raises what a failing start raises."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reloading.set)
        running = asyncio.create_task(self._run())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            self._console.say("stopping; press Ctrl-C again to kill all processes")
        finally:
            running.cancel()
            await asyncio.wait([running])
            await self._supervisor.stop()
        self._console.say("stopped")

    def _interrupt(self) -> None:
        if self._stopping.is_set():
            self._supervisor.kill()
        self._stopping.set()

    async def _run(self) -> None:
        """Start everything, then reload as often as it is asked for."""
        await self._start()
        while True:
            await self._reloading.wait()
            self._reloading.clear()
            await self._reload()

    async def _start(self) -> None:
        given = self._environment
        stores = Stores(self._folder, self._settings, given, secrets=self._secrets, ports=self._ports)
        await all_of(stores.start(self._supervisor, self._console), self._start_mailbox())
        # The gateway stops before those behind it, hence a stage of its own; it starts beside them.
        await all_of(
            self._supervisor.start(programs.servers(given)),
            self._supervisor.start([programs.gateway(given)]),
        )
        seconds = time.monotonic() - self._started_at
        if self._is_json:
            click.echo(summary.as_json(self._settings, given, seconds=seconds))
        else:
            away = await probes.services_away(int(given[programs.HEALTH_PORT]))
            self._console.plain(summary.text(self._settings, given, seconds=seconds, away=away))

    async def _start_mailbox(self) -> None:
        if self._settings.has_mailbox:
            await self._supervisor.start([programs.mailbox(self._environment)])

    async def _reload(self) -> None:
        """Go on with the settings of now; with those of before where they have mistakes."""
        before = self._environment
        try:
            settings, from_file = self._given.read()
            self._refuse_other_stores(settings)
            self._environment = self._built(settings)
            self.check(from_file)
            await asyncio.to_thread(preflight.check_stored, SERVICES)
        except SettingsError as error:
            self._environment = before
            for sentence in str(error).splitlines():
                self._console.say(sentence)
            self._console.say("not reloaded: the previous settings stay in use")
            return
        given = self._environment
        await self._supervisor.renew([*programs.servers(given), programs.gateway(given)])
        self._console.say("reloaded")

    def _refuse_other_stores(self, settings: LocalSettings) -> None:
        changed = [name for name, value in settings if value != getattr(self._settings, name)]
        if changed:
            names = ", ".join(map(settings.variable, changed))
            raise SettingsError(f"{names}: read at the start alone; stop `doorward up` and start it again.")

    def _built(self, settings: LocalSettings) -> dict[str, str]:
        return environment.build(settings, self._folder, secrets=self._secrets, ports=self._ports)

    def _share(self, processes: dict[str, int]) -> None:
        shared = environment.to_share(self._environment, self._given.inherited)
        self._folder.write(STATE, {"environment": shared, "processes": processes})
