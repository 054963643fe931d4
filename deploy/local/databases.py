"""The databases of the services: each its own role, and whether its schema is the newest."""

import ast
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.ports import HOST
from deploy.local.postgres import ADMINISTRATOR

SERVICES_FOLDER = Path(__file__).parents[2] / "services"
# The services are looked at side by side, and CPython 3.11 counts the depth of all parses together:
# two at once can end in "SystemError: AST constructor recursion depth mismatch".
_PARSING = threading.Lock()


def ensure(services: Sequence[str], *, port: int, secrets: Mapping[str, str]) -> None:
    """Make the role and the database of each service where it is missing."""
    password = secrets["postgres_password"]
    with psycopg.connect(
        host=HOST, port=port, user=ADMINISTRATOR, password=password, dbname="postgres", autocommit=True
    ) as connection:
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}
        for service in services:
            role = sql.Identifier(service)
            if service not in roles:
                secret = secrets[f"{service}_database_password"]
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, secret))
            if service not in databases:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
                # One service's role has no business in another's database.
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))


def take_over(services: Sequence[str], *, port: int, secrets: Mapping[str, str], former: str) -> None:
    """Give the roles of a copied cluster the passwords of this folder, if they still have those of before."""
    names = {ADMINISTRATOR: "postgres_password", **{name: f"{name}_database_password" for name in services}}
    try:
        connection = psycopg.connect(
            host=HOST, port=port, user=ADMINISTRATOR, password=former, dbname="postgres"
        )
    except psycopg.OperationalError:
        return  # a kill came after this was done and before that was noted
    with connection:
        for role, secret in names.items():
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), secrets[secret])
            connection.execute(statement)


def is_current(service: str, url: str) -> bool:
    """Whether the database stands at the newest migration; saves a second of imports at each start."""
    heads = _heads(SERVICES_FOLDER / service / "migrations" / "versions")
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except psycopg.Error:
        return False  # whatever it is, the migration will say it
    return {version for (version,) in rows} == heads


def _heads(versions: Path) -> set[str]:
    """The revisions that no other one comes after."""
    revisions: set[str] = set()
    ancestors: set[str] = set()
    for path in versions.glob("*.py"):
        stated = _stated(path)
        revisions |= stated.get("revision", set())
        ancestors |= stated.get("down_revision", set())
    return revisions - ancestors


def _stated(path: Path) -> dict[str, set[str]]:
    """The constants of a migration file, which may be a text, several, or None."""
    stated: dict[str, set[str]] = {}
    with _PARSING:
        module = ast.parse(path.read_text())
    for node in module.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id in {"revision", "down_revision"}:
            value = ast.literal_eval(node.value)
            stated[target.id] = {value} if isinstance(value, str) else set(value or ())
    return stated
