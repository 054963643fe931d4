"""The settings of the mailbox: every ``MAILBOX_…`` variable."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.chassis.setting_types import split_list
from shared.chassis.settings import EnvironmentSettings

Port = Annotated[int, Field(ge=0, le=65535)]
PortList = Annotated[list[Port], NoDecode, BeforeValidator(split_list)]


class MailboxSettings(EnvironmentSettings):
    """What the mailbox needs to know to run; it shares no secret with the backend."""

    model_config = SettingsConfigDict(env_prefix="MAILBOX_")

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8025, ge=0, le=65535, description="The port of the page and the API.")
    smtp_port: int = Field(1025, ge=0, le=65535, description="The SMTP port.")
    more_smtp_ports: PortList = Field(
        default_factory=list,
        description="More SMTP ports, comma-separated; each behaves as a server with its own faults.",
    )
    folder: Path | None = Field(
        None, description="The folder that mails are stored in; without it they are only kept in memory."
    )
    capacity: int = Field(
        5000, ge=1, description="The most mails that are kept; the oldest are deleted first."
    )
    capacity_bytes: int = Field(
        67_108_864,
        ge=1,
        description="The most bytes of mail that are kept in memory; the oldest are deleted first.",
    )
    message_bytes: int = Field(
        10_485_760, ge=1024, description="The largest mail that is accepted, in bytes."
    )
