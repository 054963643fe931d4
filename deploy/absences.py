"""What a command says when a database or Redis does not answer: a sentence in place of a traceback."""

import sys
from importlib import import_module

# The error by which each client library says that nobody answered. Those of a library that the command
# has not imported cannot be what ended it.
DATABASE = ("sqlalchemy.exc:OperationalError", "psycopg:OperationalError")
BROKER = (
    "redis.exceptions:ConnectionError",
    "redis.exceptions:TimeoutError",
    "kombu.exceptions:OperationalError",
)


def absence(error: Exception) -> str | None:
    """What to tell the person of an error that a store which is away has caused; None for any other."""
    if isinstance(error, _loaded(DATABASE)):
        return f"The database does not answer: {_first_line(error)}. Start it, or correct …_DATABASE_URL."
    if isinstance(error, _loaded(BROKER)):
        return f"Redis does not answer: {_first_line(error)}. Start it, or correct REDIS_URL."
    return None


def _loaded(addresses: tuple[str, ...]) -> tuple[type[Exception], ...]:
    pairs = [address.split(":") for address in addresses]
    return tuple(getattr(import_module(module), name) for module, name in pairs if module in sys.modules)


def _first_line(error: Exception) -> str:
    reason = getattr(error, "orig", None) or error  # SQLAlchemy adds the statement and a link
    lines = str(reason).splitlines()
    return lines[0].strip().rstrip(".") if lines else type(reason).__name__
