"""Types of settings that several processes have: lists in one variable, secrets, URLs of stores.

Each refuses what could not work with one sentence that says how it is written. None shows a secret.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from shared.contracts.tokens import Algorithm

MINIMUM_SECRET_BYTES = 32
POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
REDIS_SCHEMES = ("redis", "rediss", "unix")
POSTGRES_FORM = "write it as postgresql://role:password@host:5432/database"
REDIS_FORM = "write it as redis://:password@host:6379/0, with rediss:// for TLS"


def split_list(value: object) -> object:
    """Turn ``a, b`` into ``["a", "b"]``: lists are comma-separated in the environment."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _strong(secret: SecretStr) -> SecretStr:
    """Refuse a secret that could be guessed: HS256 needs at least its hash's length (RFC 7518 3.2)."""
    if len(secret.get_secret_value().encode()) < MINIMUM_SECRET_BYTES:
        raise ValueError(
            f"is too short: it needs at least {MINIMUM_SECRET_BYTES} bytes; "
            "`openssl rand -base64 48` generates one"
        )
    return secret


def _postgres(url: SecretStr) -> SecretStr:
    parts = _split(url, POSTGRES_SCHEMES, POSTGRES_FORM)
    if not parts.path.strip("/"):
        raise ValueError(f"names no database; {POSTGRES_FORM}")
    return url


def _redis(url: SecretStr) -> SecretStr:
    parts = _split(url, REDIS_SCHEMES, REDIS_FORM)
    number = parts.path.strip("/")
    if parts.scheme != "unix" and number and not number.isdigit():
        raise ValueError(f"ends in {number!r} instead of the number of a database; {REDIS_FORM}")
    return url


def _split(url: SecretStr, schemes: tuple[str, ...], form: str) -> SplitResult:
    """The parts of the URL; raises ValueError where it is none of these schemes or names no server."""
    text = url.get_secret_value()
    scheme, separator, _ = text.partition("://")
    if not separator:
        raise ValueError(f"is not a URL; {form}")
    if scheme not in schemes:
        raise ValueError(f"begins with {scheme}://; {form}")
    try:
        parts = urlsplit(text)
        has_server = bool(parts.hostname) or scheme == "unix" or "host=" in parts.query
        _ = parts.port  # raises where it is no port
    except ValueError as error:
        raise ValueError(f"has a host or port that cannot be read; {form}") from error
    if not has_server:
        raise ValueError(f"names no host; {form}")
    return parts


def _readable(path: Path) -> Path:
    """Refuse a file that this process cannot read."""
    if path == Path():
        raise ValueError("is empty; name a file, or unset it")
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(
            f"cannot be read, {path} ({error.strerror}); correct the path, or unset it"
        ) from error


ReadableFile = Annotated[Path, AfterValidator(_readable)]
StrongSecret = Annotated[SecretStr, AfterValidator(_strong)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
# NoDecode: pydantic-settings would read JSON.
TextList = Annotated[list[str], NoDecode, BeforeValidator(split_list)]
SecretList = Annotated[list[StrongSecret], NoDecode, BeforeValidator(split_list)]
AlgorithmList = Annotated[list[Algorithm], NoDecode, BeforeValidator(split_list)]
