"""The embedded servers of one run, and the databases in them brought to the newest schema."""

import asyncio
from collections.abc import Awaitable, Mapping
from importlib import import_module
from types import ModuleType

from deploy import preflight
from deploy.local import ports, programs, valkey
from deploy.local.console import Console
from deploy.local.errors import StartFailed
from deploy.local.folder import DataFolder
from deploy.local.postgres import Postgres
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervisor, all_of
from deploy.local.templates import Templates
from deploy.processes import SERVICES

# Beside a cluster that was copied: what its administrator's password is until it has this folder's.
PASSWORD_OF_TEMPLATE = "postgres.password"  # noqa: S105  (the name of a file)


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
        """Start them and migrate; raises StartFailed, and SettingsError where a secret decrypts nothing."""
        parts = [self._start_postgres(supervisor, console)]
        if self._settings.redis_url is None:
            parts.append(self._start_valkey(supervisor, console))
        await all_of(*parts)

    async def _start_postgres(self, supervisor: Supervisor, console: Console) -> None:
        # The import takes as long as the server's start.
        importing = asyncio.create_task(asyncio.to_thread(import_module, "deploy.local.databases"))
        if not self._settings.embedded_databases:
            await self._migrate(await importing, supervisor)
            return
        server = Postgres(self._folder, self._ports[ports.POSTGRES])
        is_copy = not server.cluster.exists() and await self._copy_template(server, importing, console)
        await self._serve_databases(server, importing, supervisor)
        if not is_copy:
            await self._migrate(await importing, supervisor)

    async def _serve_databases(
        self, server: Postgres, importing: Awaitable[ModuleType], supervisor: Supervisor
    ) -> None:
        """Start the server, with a role and a database for each service."""
        await server.prepare(supervisor.run, self._secrets["postgres_password"])
        await supervisor.start([server.program()])
        databases = await importing
        services, port = self._settings.embedded_databases, self._ports[ports.POSTGRES]
        password_file = self._folder.path / PASSWORD_OF_TEMPLATE
        if password_file.exists():
            former = password_file.read_text()
            await asyncio.to_thread(
                databases.take_over, services, port=port, secrets=self._secrets, former=former
            )
            password_file.unlink()
        await asyncio.to_thread(databases.ensure, services, port=port, secrets=self._secrets)

    async def _copy_template(
        self, server: Postgres, importing: Awaitable[ModuleType], console: Console
    ) -> bool:
        """Copy the cluster from a template, or make both. Whether there are templates at all."""
        if self._settings.template_dir is None or self._settings.database_urls:
            return False
        templates = Templates(self._settings.template_dir)
        async with templates.locked():
            if templates.exists:
                await asyncio.to_thread(
                    templates.copy, server.cluster, self._folder.path / PASSWORD_OF_TEMPLATE
                )
            else:
                await self._make_template(server, importing, console)
                password = self._secrets["postgres_password"]
                await asyncio.to_thread(templates.keep, server.cluster, password)
        return True

    async def _make_template(
        self, server: Postgres, importing: Awaitable[ModuleType], console: Console
    ) -> None:
        supervisor = Supervisor(console)  # of its own, since the server stops before it is copied
        try:
            await self._serve_databases(server, importing, supervisor)
            await self._migrate(await importing, supervisor)
        finally:
            await supervisor.stop()

    async def _migrate(self, databases: ModuleType, supervisor: Supervisor) -> None:
        # In this process: a wrong secret is reported before anything of the services starts.
        await asyncio.to_thread(preflight.check_stored, SERVICES)
        await all_of(*(self._migrate_one(service, databases, supervisor) for service in SERVICES))

    async def _migrate_one(self, service: str, databases: ModuleType, supervisor: Supervisor) -> None:
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
