"""The embedded servers of one run, and the databases in them brought to the newest schema."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from deploy.local import ports, programs, valkey
from deploy.local.console import Console
from deploy.local.errors import StartFailed
from deploy.local.folder import DataFolder
from deploy.local.postgres import Postgres
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervisor, all_of
from deploy.processes import SERVICES


class Stores:
    """PostgreSQL and Valkey, as far as the settings name no other."""

    def __init__(
        self,
        folder: DataFolder,
        settings: LocalSettings,
        environment: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        ports: Mapping[str, int],
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._environment = environment
        self._secrets = secrets
        self._ports = ports

    async def start(self, supervisor: Supervisor, console: Console) -> None:
        """Start them and migrate; raises StartFailed."""
        parts = [self._start_postgres(supervisor)]
        if self._settings.redis_url is None:
            parts.append(self._start_valkey(supervisor, console))
        await all_of(*parts)

    async def _start_postgres(self, supervisor: Supervisor) -> None:
        # The import takes as long as the server's start.
        importing = asyncio.create_task(asyncio.to_thread(import_module, "deploy.local.databases"))
        if self._settings.embedded_databases:
            server = Postgres(self._folder, self._ports[ports.POSTGRES])
            await server.prepare(supervisor.run, self._secrets["postgres_password"])
            await supervisor.start([server.program()])
        databases = await importing
        if self._settings.embedded_databases:
            port = self._ports[ports.POSTGRES]
            await asyncio.to_thread(
                databases.ensure, self._settings.embedded_databases, port=port, secrets=self._secrets
            )
        await all_of(*(self._migrate(service, databases, supervisor) for service in SERVICES))

    async def _migrate(self, service: str, databases: ModuleType, supervisor: Supervisor) -> None:
        url = self._environment[f"{service.upper()}_DATABASE_URL"]
        if not await asyncio.to_thread(databases.is_current, service, url):
            await supervisor.run(programs.migration(service, self._environment))

    async def _start_valkey(self, supervisor: Supervisor, console: Console) -> None:
        port, password = self._ports[ports.VALKEY], self._secrets["valkey_password"]
        server = valkey.program(self._folder, port=port, password=password)
        try:
            await supervisor.start([server])
        except StartFailed as error:
            if not valkey.is_about_its_data(error.lines):
                raise
            valkey.put_aside(self._folder, console)
            await supervisor.start([server])
