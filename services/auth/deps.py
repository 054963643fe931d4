"""What the use cases of auth are given from outside, made once by ``app.create_app``."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from flask import current_app

from services.auth.codes import CodeHasher
from services.auth.kept_keys import KeptKeys
from services.auth.passwords.breaches import Breaches
from services.auth.passwords.hashing import Passwords
from services.auth.sessions.receipts import Receipts
from services.auth.sessions.refresh_tokens import Lifetimes, RefreshTokens
from services.auth.settings import AuthSettings
from services.auth.signing_keys.keyring import SigningKeys
from services.auth.throttling.backoff import Backoff
from shared.chassis.sealing import Sealer

EXTENSION = "doorward_auth"
MAIL_REQUEST = "mail-request"  # what a wish for a mail is sealed for
DEVICES_FREE = 3  # all known devices of an account together may fail as often as so many alone
TOTP = "totp"  # what an authenticator's secret is sealed for


@dataclass(frozen=True, slots=True)
class Deps:
    """The settings, and what is made of them."""

    settings: AuthSettings
    passwords: Passwords
    breaches: Breaches
    refresh_tokens: RefreshTokens
    receipts: Receipts
    kept_keys: KeptKeys
    codes: CodeHasher
    signing_keys: SigningKeys
    mail_request_sealer: Sealer
    totp_sealer: Sealer
    lifetimes: Lifetimes
    account_backoff: Backoff
    devices_backoff: Backoff
    client_backoff: Backoff

    def check_secrets(self) -> None:
        """Raise where what rests sealed cannot be opened: a secret was dropped too early."""
        self.kept_keys.codes()
        self.signing_keys.signer()

    @classmethod
    def from_settings(cls, settings: AuthSettings) -> Self:
        """The deps of a real process."""
        secrets = settings.own_secrets
        kept_keys = KeptKeys(settings)
        return cls(
            settings=settings,
            passwords=Passwords(settings),
            breaches=Breaches.from_settings(settings),
            refresh_tokens=RefreshTokens(secrets),
            receipts=Receipts(settings.redis_url.get_secret_value()),
            kept_keys=kept_keys,
            codes=CodeHasher(kept_keys.codes, secrets),
            signing_keys=SigningKeys(settings),
            mail_request_sealer=Sealer(secrets, MAIL_REQUEST),
            totp_sealer=Sealer(secrets, TOTP),
            lifetimes=Lifetimes(
                absolute=timedelta(days=settings.refresh_token_days),
                idle=timedelta(days=settings.refresh_idle_days),
                grace=timedelta(seconds=settings.refresh_grace_seconds),
            ),
            account_backoff=_backoff(settings, settings.free_failed_sign_ins),
            devices_backoff=_backoff(settings, DEVICES_FREE * settings.free_failed_sign_ins),
            client_backoff=_backoff(settings, settings.free_failures_per_client),
        )


def _backoff(settings: AuthSettings, free: int) -> Backoff:
    return Backoff(
        free=free,
        longest=timedelta(seconds=settings.longest_wait_seconds),
        forgotten_after=timedelta(seconds=settings.failures_forgotten_seconds),
    )


def deps() -> Deps:
    """The deps of the app that is running."""
    found: Deps = current_app.extensions[EXTENSION]
    return found
