"""The settings of users: every ``USERS_…`` variable."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.chassis.settings import ServiceSettings


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
        description="How long a reader waits for the cache, in milliseconds; then nobody does for a second. "
        "A writer waits for 100 ms at least.",
    )
