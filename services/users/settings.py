"""The settings of users: every ``USERS_…`` variable."""

from pathlib import Path
from typing import Self

from pydantic import Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.chassis.setting_types import TextList
from shared.chassis.settings import ServiceSettings

ANY_HOST = "*"


class UsersSettings(ServiceSettings):
    """What users needs to know to run."""

    model_config = SettingsConfigDict(env_prefix="USERS_")

    port: int = Field(8002, ge=1, le=65535, description="The port to listen on.")
    profile_cache_seconds: int = Field(
        300, ge=1, description="How long a profile may be served from the cache, in seconds."
    )
    cache_patience_milliseconds: float = Field(
        5.0,
        gt=0,
        le=10_000,
        description=(
            "How long a read waits for the cache, in milliseconds; after a timeout the cache is not used "
            "for a second. Writes wait at least 100 ms."
        ),
    )

    fresh_sign_in_seconds: int = Field(
        300,
        ge=30,
        le=86_400,
        description="How recent a sign-in must be to download a data export, in seconds.",
    )
    export_days: int = Field(
        7, ge=1, le=30, description="For how many days a data export is kept, encrypted."
    )
    invitation_days: int = Field(
        7, ge=1, le=90, description="For how many days an invitation to an organization is valid."
    )
    invitations_per_day: int = Field(
        200, ge=1, le=100_000, description="How many people one account may invite to organizations in a day."
    )
    links_url: HttpUrl | None = Field(
        None,
        description=(
            "The URL of the page that mails link to, if it is not the gateway's: `join-organization`."
        ),
    )
    avatar_folder: Path | None = Field(
        None,
        description=(
            "The folder for uploaded pictures, shared by all processes of users. Without it and "
            "`USERS_AVATAR_S3_URL`, uploads are off."
        ),
    )
    avatar_s3_url: HttpUrl | None = Field(
        None,
        description=(
            "The bucket for uploaded pictures in an S3-compatible store: `https://host/bucket`. If it is "
            "set, the folder is not used."
        ),
    )
    avatar_s3_region: str = Field("us-east-1", description="The region of the bucket.")
    avatar_s3_access_key: str | None = Field(None, description="The access key of the bucket.")
    avatar_s3_secret_key: SecretStr | None = Field(None, description="The secret key of the bucket.")
    avatar_hosts: TextList = Field(
        default_factory=lambda: [ANY_HOST],
        description=(
            "The hosts that `avatar_url` of a profile may link to, comma-separated; `*`: any; empty: only "
            "uploaded pictures."
        ),
    )

    @model_validator(mode="after")
    def _can_sign(self) -> Self:
        if self.avatar_s3_url is not None and not (self.avatar_s3_access_key and self.avatar_s3_secret_key):
            raise ValueError(
                "USERS_AVATAR_S3_URL needs USERS_AVATAR_S3_ACCESS_KEY and USERS_AVATAR_S3_SECRET_KEY"
            )
        return self
