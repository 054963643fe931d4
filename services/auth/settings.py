"""The settings of auth: every ``AUTH_…`` variable."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, HttpUrl, model_validator
from pydantic_settings import SettingsConfigDict

from shared.chassis.brand import BrandSettings
from shared.chassis.origins import PasskeyOriginList
from shared.chassis.setting_types import ReadableFile, SecretList, StrongSecret, TextList
from shared.chassis.settings import ServiceSettings


def _encrypted(url: HttpUrl) -> HttpUrl:
    """Refuse plain HTTP, but for a service on this machine."""
    if url.scheme != "https" and not _is_loopback(url.host or ""):
        raise ValueError("must begin with https://")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


# The marks that `access` in the gateway's route file knows.
SCOPE = re.compile(r"[a-z][a-z_.-]{0,31}(:[a-z][a-z_.-]{0,31}){1,3}\Z")


def _scopes(scopes: list[str]) -> list[str]:
    for scope in scopes:
        if not SCOPE.match(scope) or scope.startswith(("notifications:", "tokens:")):
            raise ValueError(f"{scope!r} is not a scope of your own services, such as `orders:read`")
    return scopes


def _domains(domains: list[str]) -> list[str]:
    return [domain.lower().strip(".") for domain in domains]


ScopeList = Annotated[TextList, AfterValidator(_scopes)]
DomainList = Annotated[TextList, AfterValidator(_domains)]


class AuthSettings(BrandSettings, ServiceSettings):
    """What auth needs to know to run."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    port: int = Field(8001, ge=1, le=65535, description="The port to listen on.")

    secret_key: StrongSecret = Field(
        description=(
            "auth's own secret, which no other process has. It signs refresh tokens and encrypts data in "
            "auth's database. 32 bytes or more."
        )
    )
    previous_secret_keys: SecretList = Field(
        default_factory=list,
        description=(
            "Older values of auth's own secret, comma-separated, that are still accepted during a rotation."
        ),
    )

    access_token_seconds: int = Field(
        900, ge=30, le=86_400, description="How long an access token is valid at most, in seconds."
    )
    access_token_jitter_percent: int = Field(
        5,
        ge=0,
        le=50,
        description=(
            "By up to how many percent a token's lifetime is shortened, so that clients do not all refresh "
            "at the same time."
        ),
    )
    key_publication_seconds: int = Field(
        60,
        ge=5,
        le=604_800,
        description="How long a new key of auth's own is published before it signs, in seconds; "
        "caches of `/.well-known/jwks.json` must be refreshed within half of this time.",
    )
    refresh_token_days: int = Field(
        30, ge=1, le=3650, description="How long a session lasts at most, in days."
    )
    refresh_idle_days: int = Field(
        7, ge=1, le=3650, description="After how many days without a refresh a session ends."
    )
    refresh_grace_seconds: int = Field(
        30,
        ge=0,
        le=300,
        description="How long a superseded refresh token still yields the current pair, in seconds.",
    )
    sessions_per_account: int = Field(
        100,
        ge=1,
        le=10_000,
        description=(
            "The most sessions of an account; a further sign-in ends the one that was not used for the "
            "longest time."
        ),
    )
    fresh_sign_in_seconds: int = Field(
        300,
        ge=30,
        le=86_400,
        description="How recent a sign-in must be for a change of credentials, in seconds.",
    )

    password_hash_memory_kib: int = Field(
        65_536, ge=1024, le=4_194_304, description="Memory of one argon2id computation, in KiB."
    )
    password_hash_iterations: int = Field(3, ge=1, le=20, description="Passes of one argon2id computation.")
    password_hash_parallelism: int = Field(
        1, ge=1, le=16, description="The parallelism of one argon2id computation."
    )
    password_hashes_at_once: int = Field(
        0,
        ge=0,
        le=256,
        description=(
            "How many argon2id computations one process runs at the same time; 0: its share of the cores."
        ),
    )
    password_hash_queue: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description=(
            "How many requests may wait for a computation; further ones are answered 503. Unset: half of "
            "`AUTH_THREADS`, less those that compute."
        ),
    )
    password_minimum_score: int = Field(
        2, ge=0, le=4, description="The zxcvbn score below which a new password is refused."
    )

    breached_passwords_file: ReadableFile | None = Field(
        None,
        description=(
            "A file with breached passwords, which are refused: SHA-1 hashes in ascending order, in the "
            "format of Have I Been Pwned."
        ),
    )
    breached_passwords_url: Annotated[HttpUrl, AfterValidator(_encrypted)] | None = Field(
        None,
        description="A range service of breached passwords, `https://api.pwnedpasswords.com/range`; "
        "it receives five hex digits of a hash.",
    )
    breached_passwords_seconds: float = Field(
        1.0, gt=0, le=10, description="The timeout of that service, in seconds."
    )

    failed_sign_in_seconds: float = Field(
        0.5,
        ge=0,
        le=5,
        description=(
            "The minimum duration of a failed sign-in, in seconds, while there are password hashes that "
            "were imported or made with other parameters."
        ),
    )
    verification_hours: int = Field(
        24, ge=1, le=168, description="How long a verification mail is valid, in hours."
    )
    reset_minutes: int = Field(
        60, ge=5, le=1440, description="How long a password reset mail is valid, in minutes."
    )
    code_minutes: int = Field(
        10, ge=1, le=60, description="How long a code for sign-in or change of address is valid, in minutes."
    )
    email_undo_days: int = Field(
        7,
        ge=0,
        le=60,
        description="For how many days the mail to an account's previous address can restore it; 0: never.",
    )
    code_tries: int = Field(
        5, ge=1, le=10, description="The number of wrong attempts after which a mailed code is invalid."
    )
    mail_interval_seconds: int = Field(
        60,
        ge=1,
        le=3600,
        description="The minimum time between two mails to one address that anybody can request, in seconds.",
    )
    mails_per_day: int = Field(
        30,
        ge=1,
        le=10_000,
        description=(
            "The most mails to one address in a day that anybody can request: codes, and notices that it "
            "has an account."
        ),
    )

    passkey_domain: str = Field(
        "", description="The domain that passkeys belong to; empty: the host of `PUBLIC_URL`, or `localhost`."
    )
    passkey_origins: PasskeyOriginList = Field(
        default_factory=list,
        description="More origins whose pages may use passkeys, comma-separated, besides `PUBLIC_URL`.",
    )

    links_url: HttpUrl | None = Field(
        None,
        description="The URL of the pages that mails link to, if they are not the gateway's: "
        "`verify-email`, `reset-password`, `sign-in`, `change-email`, `restore-email`.",
    )

    sign_up: Literal["open", "invited", "closed"] = Field(
        "open",
        description=(
            "Who may sign up: anybody (`open`), people whom an administrator invites (`invited`), or nobody "
            "(`closed`: only administrators and imports create accounts)."
        ),
    )
    sign_up_domains: DomainList = Field(
        default_factory=list,
        description=(
            "The email domains that may be used for sign-up and changes of address, comma-separated; empty: "
            "all."
        ),
    )
    refused_domains: DomainList = Field(
        default_factory=list,
        description="Email domains that must not be used for sign-up or changes of address, comma-separated.",
    )
    invitation_hours: int = Field(
        168, ge=1, le=720, description="How long an administrator's invitation is valid, in hours."
    )
    scopes: ScopeList = Field(
        default_factory=list,
        description="Scopes of the team's own services that API keys may have, comma-separated: "
        "`orders:read,orders:write`; `access` in the route file names them.",
    )

    register_limit: str = Field(
        "150 per 5 minutes", description="How many registrations one client address may attempt."
    )
    sign_in_limit: str = Field(
        "300 per 5 minutes", description="How many sign-ins one client address may attempt."
    )
    mail_limit: str = Field("60 per 5 minutes", description="How many mails one client address may request.")
    free_failed_sign_ins: int = Field(
        8,
        ge=1,
        le=1000,
        description="How many sign-ins of one account may fail before there is a waiting time.",
    )
    free_failures_per_client: int = Field(
        50,
        ge=1,
        le=100_000,
        description="How many sign-ins from one client address may fail before there is a waiting time.",
    )
    longest_wait_seconds: int = Field(
        900, ge=1, le=86_400, description="The longest waiting time after failed sign-ins, in seconds."
    )
    failures_forgotten_seconds: int = Field(
        3600,
        ge=60,
        le=604_800,
        description=(
            "How long it takes until the free failures are forgotten, in seconds; they are forgotten one by "
            "one."
        ),
    )
    deletion_days: int = Field(
        14, ge=0, le=365, description="For how many days signing in restores a deleted account."
    )
    audit_days: int = Field(400, ge=30, le=36_500, description="How long audit events are kept, in days.")

    @property
    def own_secrets(self) -> list[str]:
        """What auth alone signs and seals with: the current secret first, then the older ones."""
        return [key.get_secret_value() for key in (self.secret_key, *self.previous_secret_keys)]

    @property
    def password_hash_places(self) -> int:
        """How many requests of one process may compute argon2id, or wait for it, at a time."""
        if self.password_hash_queue is None:
            return max(1, self.threads // 2)
        return max(1, self.password_hashes_at_once) + self.password_hash_queue

    @model_validator(mode="after")
    def check_combinations(self) -> Self:
        """Refuse settings that undo each other."""
        if self.secret_key == self.jwt_secret_key and not self.previous_secret_keys:
            raise ValueError(
                "AUTH_SECRET_KEY must not be JWT_SECRET_KEY, which every process knows; "
                "`openssl rand -base64 48` makes another one"
            )
        if self.password_hash_queue is not None and self.password_hash_places >= self.threads:
            raise ValueError(
                "AUTH_PASSWORD_HASHES_AT_ONCE and AUTH_PASSWORD_HASH_QUEUE together "
                f"({self.password_hash_places}) must be less than AUTH_THREADS ({self.threads}): "
                "else a storm of sign-ins leaves no thread for anybody else"
            )
        if self.longest_wait_seconds > self.failures_forgotten_seconds:
            raise ValueError(
                f"AUTH_LONGEST_WAIT_SECONDS ({self.longest_wait_seconds:g}) must not be more than "
                f"AUTH_FAILURES_FORGOTTEN_SECONDS ({self.failures_forgotten_seconds:g}): "
                "else a failure is forgotten before its waiting time is over"
            )
        return self
