"""A service's own database for a test run: made once, migrated once, emptied before each test."""

from flask import Flask
from psycopg import sql

from shared.chassis.testing.clients import PostgresServer

KEPT_TABLE = "alembic_version"
LOCK_TIMEOUT = "10s"


class ServiceDatabase:
    """The database of one service in one pytest process."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.name = name
        self.url = server.create_database(name)
        self._server = server
        self._tables: list[str] = []

    def migrate(self, app: Flask) -> None:
        """Run the real migrations of ``app``, whose settings name this database; once is enough."""
        if self._tables:
            return
        import flask_migrate

        with app.app_context():
            flask_migrate.upgrade()
        self._tables = self._find_tables()

    def empty(self) -> None:
        """Delete every row that a test left, and start the sequences again."""
        if not self._tables:
            return
        with self._server.connect(self.name) as connection:
            filled = [table for (table,) in connection.execute(self._filled_tables()).fetchall()]
            if filled:
                # A transaction that a test left open shows here, and not as a hang.
                connection.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_TIMEOUT))
                # As superuser: past the triggers that keep a table from being emptied.
                connection.execute("SET session_replication_role = replica")
                names = sql.SQL(", ").join(sql.Identifier(table) for table in filled)
                connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))

    def drop(self) -> None:
        """Remove the database, whoever is still connected."""
        self._server.drop_database(self.name)

    def _find_tables(self) -> list[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> %s"
        with self._server.connect(self.name) as connection:
            return [table for (table,) in connection.execute(query, (KEPT_TABLE,)).fetchall()]

    def _filled_tables(self) -> sql.Composed:
        # Looking is cheaper than truncating: most tests fill few tables.
        look = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
        return sql.SQL(" UNION ALL ").join(
            look.format(table, sql.Identifier(table)) for table in self._tables
        )


class ServiceDatabases:
    """Call it with a service's name for that service's database; the same one each time."""

    def __init__(self, server: PostgresServer, suffix: str) -> None:
        self._server = server
        self._suffix = suffix
        self._databases: dict[str, ServiceDatabase] = {}

    def __call__(self, service: str) -> ServiceDatabase:
        """The database of ``service``, made when first asked for."""
        if service not in self._databases:
            self._databases[service] = ServiceDatabase(self._server, f"{service}_{self._suffix}")
        return self._databases[service]

    def empty(self) -> None:
        """Empty each of them."""
        for database in self._databases.values():
            database.empty()

    def drop(self) -> None:
        """Remove each of them."""
        for database in self._databases.values():
            database.drop()
