"""The settings of notifications: every ``NOTIFICATIONS_…`` variable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode, SettingsConfigDict

from services.notifications.lanes import BULK, NORMAL, URGENT
from services.notifications.smtp import dkim_signing, mail_from, servers
from services.notifications.smtp.dkim_signing import Signer
from services.notifications.smtp.servers import SmtpServer
from services.notifications.templating import layouts, looks
from shared.chassis.brand import BrandSettings
from shared.chassis.setting_types import TextList
from shared.chassis.settings import ServiceSettings


def _checked_sender(text: str) -> str:
    mail_from.parse(text)
    return text


def _checked_layouts(folder: Path | None) -> Path | None:
    if folder is not None:
        layouts.check(folder)
    return folder


ServerList = Annotated[tuple[SmtpServer, ...], NoDecode, BeforeValidator(servers.parse)]


class NotificationsSettings(BrandSettings, ServiceSettings):
    """What notifications needs to know to run."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATIONS_")

    port: int = Field(8003, ge=1, le=65535, description="The port to listen on.")
    smtp_servers: ServerList = Field(
        (),
        description=(
            "Several mail servers, as a JSON list of objects; docs/notifications.md describes their members."
        ),
    )
    mail_folder: Path | None = Field(
        None, description="A folder that mails are written to as `.eml` files instead of being sent."
    )
    smtp_host: str | None = Field(
        None,
        validate_default=True,
        description=(
            "The mail server. Required, unless NOTIFICATIONS_SMTP_SERVERS or NOTIFICATIONS_MAIL_FOLDER is "
            "set."
        ),
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="The mail server's port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is encrypted; certificates are always verified."
    )
    smtp_username: str | None = Field(None, description="The user to sign in as, if any.")
    smtp_password: SecretStr | None = Field(None, description="That user's password.")
    smtp_timeout_seconds: float = Field(
        10.0, gt=0, le=60, description="The timeout of each answer of the mail server, in seconds."
    )
    smtp_final_timeout_seconds: float = Field(
        60.0, gt=0, le=600, description="The timeout of the answer after the content of a mail, in seconds."
    )
    mail_from: Annotated[str, AfterValidator(_checked_sender)] = Field(
        description="The sender: `address`, or `Name <address>` to use another name than `BRAND_NAME`."
    )
    dkim_selector: str = Field(
        "",
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$",
        examples=["mail2026"],
        description="Sign mails with DKIM: the selector that the public key is published under.",
    )
    dkim_private_key: SecretStr | None = Field(
        None, description="The private key for DKIM, in PEM: RSA or Ed25519. Usually a secret file."
    )
    dkim_domain: str = Field(
        "",
        description="The domain of the signature: the sender's domain (the default) or a parent of it.",
    )
    layout_folder: Annotated[Path | None, AfterValidator(_checked_layouts)] = Field(
        None, description="A folder with your own `layout.html` and `layout.txt`."
    )
    link_hosts: TextList = Field(
        default_factory=list,
        description=(
            "The hosts that links in messages of API callers may lead to, comma-separated, besides that of "
            "`PUBLIC_URL`."
        ),
    )
    recipient_hourly: int = Field(
        30, ge=1, description="The most mails to one address in an hour, without urgent ones."
    )
    recipient_daily: int = Field(
        100, ge=1, description="The most mails to one address in a day, without urgent ones."
    )
    urgent_recipient_hourly: int = Field(
        60, ge=1, description="The most codes and security mails to one address in an hour."
    )
    urgent_recipient_daily: int = Field(
        200, ge=1, description="The most codes and security mails to one address in a day."
    )
    repeat_seconds: float = Field(
        60.0, ge=0, description="For how many seconds the same content is not sent to an address again."
    )
    worker_concurrency: int = Field(
        10,
        ge=2,
        le=64,
        description=(
            "Threads of this service's Celery worker. It must be more than the slots of all lanes: the "
            "others receive messages of other services, and a lane that is stuck gets one more."
        ),
    )
    urgent_slots: int = Field(
        2, ge=1, le=32, description="How many codes and security mails one worker sends at the same time."
    )
    normal_slots: int = Field(
        2, ge=1, le=32, description="How many other single mails one worker sends at the same time."
    )
    bulk_slots: int = Field(
        1, ge=1, le=32, description="How many mails of bulk requests one worker sends at the same time."
    )
    attempt_lease_seconds: float = Field(
        30.0, gt=1, description="How long one attempt may take before another worker may try, in seconds."
    )
    retry_seconds: float = Field(
        5.0, gt=0, description="The wait after the first failed attempt; it doubles up to an hour."
    )
    retry_hours: float = Field(24.0, gt=0, description="For how many hours a mail is retried.")
    stuck_seconds: float = Field(
        60.0,
        gt=0,
        description=("A worker ends if it sends nothing for this many seconds although mails are due."),
    )
    content_days: int = Field(
        7,
        ge=0,
        description=(
            "For how many days the encrypted variables of a finished mail are kept for resending; codes are "
            "erased as soon as they are sent."
        ),
    )
    message_days: int = Field(
        90,
        ge=1,
        description="For how many days a finished message and its attempts are kept, without content.",
    )

    event_days: int = Field(
        30,
        ge=1,
        description="For how many days an event of an account, a profile or an organization is kept.",
    )
    message_limit: int = Field(
        1_000_000,
        ge=1000,
        description="The most finished messages that are kept; the oldest are deleted first.",
    )

    @property
    def allowed_link_hosts(self) -> frozenset[str]:
        """The hosts that links in callers' messages may lead to."""
        return frozenset({str(self.public_url.host), *(host.lower() for host in self.link_hosts)})

    def limits_of(self, lane: str) -> tuple[int, int]:
        """How many messages of ``lane`` one address is sent in an hour and in a day."""
        if lane == URGENT:
            return self.urgent_recipient_hourly, self.urgent_recipient_daily
        return self.recipient_hourly, self.recipient_daily

    @property
    def slots(self) -> Mapping[str, int]:
        """The slots of one worker, by lane."""
        return {URGENT: self.urgent_slots, NORMAL: self.normal_slots, BULK: self.bulk_slots}

    @property
    def look(self) -> looks.Look:
        """How every mail looks."""
        return looks.look(
            name=self.brand_name,
            color=self.brand_color,
            logo_url=self.brand_logo_url,
            footer=self.brand_footer,
            support=self.brand_support,
            folder=self.layout_folder,
        )

    @property
    def sender(self) -> tuple[str, str]:
        """The name and the address that every mail comes from."""
        name, address = mail_from.parse(self.mail_from)
        return name or self.brand_name, address

    @property
    def signer(self) -> Signer | None:
        """What signs every mail, if anything does."""
        key = self.dkim_private_key.get_secret_value() if self.dkim_private_key is not None else ""
        if not self.dkim_selector or not key.strip():
            return None
        domain = self.dkim_domain or self.sender[1].rpartition("@")[2]
        return Signer(domain.lower(), self.dkim_selector, dkim_signing.parse_key(key))

    @property
    def servers(self) -> tuple[SmtpServer, ...]:
        """The mail servers, whichever way they are named."""
        if self.smtp_servers or self.smtp_host is None:
            return self.smtp_servers
        return (
            SmtpServer(
                host=self.smtp_host,
                port=self.smtp_port,
                security=self.smtp_security,
                username=self.smtp_username if self._has_password else None,
                password=self.smtp_password if self._has_password else None,
            ),
        )

    @property
    def _has_password(self) -> bool:
        """Whether somebody is to be signed in; Compose passes empty text for what is not set."""
        password = self.smtp_password.get_secret_value() if self.smtp_password is not None else ""
        return bool(self.smtp_username and password)

    @field_validator("smtp_host")
    @classmethod
    def _have_a_server(cls, value: str | None, info: ValidationInfo) -> str | None:
        # What is not in `data` was given and is wrong, which is said already.
        if not value and not any(info.data.get(name, name) for name in ("smtp_servers", "mail_folder")):
            raise PydanticCustomError("missing", "is not set")
        return value

    @model_validator(mode="after")
    def _leave_time_for_an_answer(self) -> Self:
        if self.smtp_timeout_seconds >= self.attempt_lease_seconds:
            raise ValueError(
                f"NOTIFICATIONS_ATTEMPT_LEASE_SECONDS ({self.attempt_lease_seconds:g}) must be longer than "
                f"NOTIFICATIONS_SMTP_TIMEOUT_SECONDS ({self.smtp_timeout_seconds:g})."
            )
        return self

    @field_validator("dkim_private_key")
    @classmethod
    def _check_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value().strip():
            dkim_signing.parse_key(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _sign_for_the_sender(self) -> Self:
        key = self.dkim_private_key
        if bool(self.dkim_selector) != bool(key is not None and key.get_secret_value().strip()):
            raise ValueError(
                "NOTIFICATIONS_DKIM_SELECTOR and NOTIFICATIONS_DKIM_PRIVATE_KEY need each other: "
                "set both or none."
            )
        sender = self.sender[1].rpartition("@")[2].lower()
        domain = self.dkim_domain.lower() or sender
        if sender != domain and not sender.endswith(f".{domain}"):
            raise ValueError(
                f'NOTIFICATIONS_DKIM_DOMAIN: "{domain}" must be {sender}, or a domain that it is part of.'
            )
        return self

    @model_validator(mode="after")
    def _leave_a_thread(self) -> Self:
        slots = sum(self.slots.values())
        if slots >= self.worker_concurrency:
            raise ValueError(
                f"NOTIFICATIONS_WORKER_CONCURRENCY ({self.worker_concurrency}) must be more than "
                f"NOTIFICATIONS_URGENT_SLOTS, _NORMAL_SLOTS and _BULK_SLOTS together ({slots})."
            )
        return self
