"""Typed settings of a process, read once from the environment and from /run/secrets.

Owns the reading; ``setting_types`` has the checks and ``setting_mistakes`` the wording. Which settings a
process has is declared in its own ``settings.py``. Nothing else in the project reads the environment.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, HttpUrl, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.chassis import setting_mistakes
from shared.chassis.setting_types import AlgorithmList, PostgresUrl, RedisUrl, SecretList, StrongSecret
from shared.contracts.tokens import Algorithm

SECRETS_DIRECTORY = Path("/run/secrets")


class SettingsError(Exception):
    """The environment does not describe a working process; the text names every mistake."""


class EnvironmentSettings(BaseSettings):
    """Settings that are read from the environment and tell all their mistakes at once."""

    model_config = SettingsConfigDict(
        allow_inf_nan=False,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        secrets_dir=SECRETS_DIRECTORY if SECRETS_DIRECTORY.is_dir() else None,
    )

    @classmethod
    def load(cls) -> Self:
        """Read the settings; raises SettingsError with one sentence per bad variable."""
        try:
            return cls()
        except ValidationError as error:
            sentences = setting_mistakes.sentences(error, cls.model_fields, cls.variable)
            raise SettingsError("\n".join(sentences)) from error

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable that sets ``field``."""
        alias = cls.model_fields[field].validation_alias
        return str(alias) if alias else f"{cls.model_config.get('env_prefix', '')}{field}".upper()


class ProcessSettings(EnvironmentSettings):
    """What every process of the backend knows. A subclass adds its own fields under its own prefix."""

    environment: Literal["production", "development"] = Field(
        "production",
        validation_alias="DOORWARD_ENVIRONMENT",
        description=(
            "`development` allows settings that are only safe on one machine; `production` refuses them."
        ),
    )
    jwt_secret_key: StrongSecret = Field(
        validation_alias="JWT_SECRET_KEY",
        description=(
            "The secret that all processes share. It signs tokens and encrypts messages. 32 bytes or more."
        ),
    )
    jwt_previous_secret_keys: SecretList = Field(
        default_factory=list,
        validation_alias="JWT_PREVIOUS_SECRET_KEYS",
        description="Older secrets, comma-separated, that are still accepted during a rotation.",
    )
    jwt_algorithms: AlgorithmList = Field(
        default_factory=lambda: list[Algorithm](["HS256"]),
        min_length=1,
        validation_alias="JWT_ALGORITHMS",
        description=(
            "The algorithms that access tokens may be signed with, comma-separated: `HS256` (the shared "
            "secret), "
            "`EdDSA`, `ES256`, `RS256` (auth's own keys). Nothing else is accepted."
        ),
    )
    redis_url: RedisUrl = Field(
        validation_alias="REDIS_URL",
        description=(
            "Redis or Valkey: Celery's broker, cache, rate limits. `redis://[:password@]host:port/db`."
        ),
    )
    public_url: HttpUrl = Field(
        validation_alias="PUBLIC_URL",
        description="The gateway's URL as clients and links in mails see it.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="LOG_LEVEL", description="The lowest level that is logged."
    )
    auth_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8001"),
        validation_alias="AUTH_URL",
        description="The URL of auth inside the network.",
    )
    users_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8002"),
        validation_alias="USERS_URL",
        description="The URL of users inside the network.",
    )
    notifications_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8003"),
        validation_alias="NOTIFICATIONS_URL",
        description="The URL of notifications inside the network.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Worker processes of this server.")
    threads: int = Field(8, ge=1, le=256, description="Threads of each worker process.")
    max_body_bytes: int = Field(
        1_048_576,
        ge=1024,
        description="The largest request body in bytes; a larger one answers 413.",
    )

    @property
    def is_development(self) -> bool:
        """Whether this process serves a developer and not the public."""
        return self.environment == "development"

    @property
    def accepted_secrets(self) -> list[str]:
        """The current secret first, then the older ones."""
        keys = [self.jwt_secret_key, *self.jwt_previous_secret_keys]
        return [key.get_secret_value() for key in keys]

    @property
    def own_secrets(self) -> list[str]:
        """What this process seals with for itself alone; a service with a secret of its own says so."""
        return self.accepted_secrets

    @property
    def issuer(self) -> str:
        """The name under which access tokens are issued (RFC 8414 section 2): the gateway's URL."""
        return str(self.public_url).rstrip("/")

    @property
    def has_published_keys(self) -> bool:
        """Whether tokens may be signed with auth's own keys."""
        return any(algorithm != "HS256" for algorithm in self.jwt_algorithms)


class ServiceSettings(ProcessSettings):
    """What the three services know beside that: a database and a Celery worker."""

    database_url: PostgresUrl = Field(
        description="This service's own PostgreSQL database: `postgresql://role:password@host:port/name`."
    )
    database_pool_size: int = Field(
        10, ge=1, le=100, description="The most database connections of one process."
    )
    worker_concurrency: int = Field(
        4, ge=1, le=64, description="How many tasks this service's Celery worker runs at the same time."
    )
    worker_metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="The port of the Celery worker's `/metrics`; 0: none.",
    )
    redelivery_seconds: float = Field(
        10.0,
        gt=0,
        description=(
            "How long to wait before an unacknowledged message is sent again; the wait doubles up to 5 "
            "minutes."
        ),
    )
    refused_hours: float = Field(
        72.0,
        gt=0,
        le=8760,
        description="For how many hours a message that another service rejects is retried. "
        "After that, `doorward outbox` lists it and can send it again.",
    )

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL with the driver named: psycopg 3."""
        url = self.database_url.get_secret_value()
        scheme, separator, rest = url.partition("://")
        if scheme in {"postgres", "postgresql"} and separator:
            return f"postgresql+psycopg://{rest}"
        return url
