"""What can be set for `doorward up`; all of it is optional."""

from pathlib import Path

from pydantic import Field, SecretStr

from deploy.processes import SERVICES
from shared.chassis.settings import EnvironmentSettings


class LocalSettings(EnvironmentSettings):
    """The folder, the ports and the servers. A port of 0 is chosen and remembered."""

    data_dir: Path = Field(
        Path(".data"),
        validation_alias="DOORWARD_DATA_DIR",
        description="The folder of `doorward up`: secrets, databases and state.",
    )
    env_file: Path = Field(
        Path(".env"),
        validation_alias="DOORWARD_ENV_FILE",
        description="A file with more variables, in the format of Compose; the environment has priority.",
    )
    template_dir: Path | None = Field(
        None,
        validation_alias="DOORWARD_TEMPLATE_DIR",
        description="For tests: a folder of migrated, empty databases, which new data folders get a copy of.",
    )
    gateway_port: int = Field(8080, ge=0, le=65535, validation_alias="GATEWAY_PORT")
    gateway_metrics_port: int = Field(9090, ge=0, le=65535, validation_alias="GATEWAY_METRICS_PORT")
    auth_port: int = Field(8001, ge=0, le=65535, validation_alias="AUTH_PORT")
    users_port: int = Field(8002, ge=0, le=65535, validation_alias="USERS_PORT")
    notifications_port: int = Field(8003, ge=0, le=65535, validation_alias="NOTIFICATIONS_PORT")
    mailbox_port: int = Field(8025, ge=0, le=65535, validation_alias="MAILBOX_PORT")
    mailbox_smtp_port: int = Field(1025, ge=0, le=65535, validation_alias="MAILBOX_SMTP_PORT")
    auth_database_url: SecretStr | None = Field(None, validation_alias="AUTH_DATABASE_URL")
    users_database_url: SecretStr | None = Field(None, validation_alias="USERS_DATABASE_URL")
    notifications_database_url: SecretStr | None = Field(None, validation_alias="NOTIFICATIONS_DATABASE_URL")
    redis_url: SecretStr | None = Field(None, validation_alias="REDIS_URL")
    smtp_host: str | None = Field(None, validation_alias="NOTIFICATIONS_SMTP_HOST")

    @property
    def ports(self) -> dict[str, int]:
        """The ports that are in the open, by the variable that moves each."""
        fields = ["gateway_port", "gateway_metrics_port", *(f"{service}_port" for service in SERVICES)]
        if self.has_mailbox:
            fields += ["mailbox_port", "mailbox_smtp_port"]
        return {self.variable(field): getattr(self, field) for field in fields}

    @property
    def database_urls(self) -> dict[str, str]:
        """The databases that somebody else runs, by service."""
        urls = {service: getattr(self, f"{service}_database_url") for service in SERVICES}
        return {service: url.get_secret_value() for service, url in urls.items() if url is not None}

    @property
    def embedded_databases(self) -> list[str]:
        """The services whose database is in the embedded PostgreSQL."""
        return [service for service in SERVICES if service not in self.database_urls]

    @property
    def has_mailbox(self) -> bool:
        """Whether mail goes to the mailbox: it does unless an SMTP server is set."""
        return self.smtp_host is None
