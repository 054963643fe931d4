"""The settings of notifications: every ``NOTIFICATIONS_…`` variable."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.chassis.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """What notifications needs to know to run."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATIONS_")

    port: int = Field(8003, ge=1, le=65535, description="The port to listen on.")
    smtp_host: str = Field(description="The mail server that takes our mail.")
    smtp_port: int = Field(587, ge=1, le=65535, description="The mail server's port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is protected; certificates are always verified."
    )
    smtp_username: str | None = Field(None, description="The user to sign in as, if any.")
    smtp_password: SecretStr | None = Field(None, description="That user's password.")
    smtp_timeout_seconds: float = Field(
        10.0, gt=0, le=60, description="How long each answer of the mail server may take, in seconds."
    )
    smtp_final_timeout_seconds: float = Field(
        60.0, gt=0, le=600, description="How long the answer to a whole mail may take, in seconds."
    )
    mail_from: str = Field(description="The sender: `address` or `Name <address>`.")
    attempt_lease_seconds: float = Field(
        30.0, gt=1, description="How long one attempt may take before another worker may try, in seconds."
    )
    retry_seconds: float = Field(
        5.0, gt=0, description="The wait after the first failed attempt; it doubles up to an hour."
    )
    retry_hours: float = Field(24.0, gt=0, description="For how long a mail is tried, in hours.")
    stuck_seconds: float = Field(
        60.0,
        gt=0,
        description="A worker that sends nothing for so many seconds, though mails are due, ends.",
    )
    content_days: int = Field(
        7,
        ge=0,
        description="How many days the sealed variables of an ended mail are kept for resending; "
        "codes that were sent are erased at once.",
    )
