"""What the use cases of auth are given from outside, made once by ``app.create_app``."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from flask import current_app

from services.auth.backoff import Backoff
from services.auth.breaches import Breaches
from services.auth.codes import CodeHasher
from services.auth.passwords import Passwords
from services.auth.refresh_tokens import Lifetimes, RefreshTokens
from services.auth.settings import AuthSettings
from services.auth.signing_keys import SigningKeys
from shared.chassis.sealing import Sealer

EXTENSION = "doorward_auth"


@dataclass(frozen=True, slots=True)
class Deps:
    """The settings, and what is made of them."""

    settings: AuthSettings
    passwords: Passwords
    breaches: Breaches
    refresh_tokens: RefreshTokens
    codes: CodeHasher
    signing_keys: SigningKeys
    mail_request_sealer: Sealer
    totp_sealer: Sealer
    lifetimes: Lifetimes
    account_backoff: Backoff
    client_backoff: Backoff

    @classmethod
    def from_settings(cls, settings: AuthSettings) -> Self:
        """The deps of a real process."""
        secrets = settings.accepted_secrets
        return cls(
            settings=settings,
            passwords=Passwords(settings),
            breaches=Breaches.from_settings(settings),
            refresh_tokens=RefreshTokens(secrets),
            codes=CodeHasher(secrets),
            signing_keys=SigningKeys(settings),
            mail_request_sealer=Sealer(secrets, "mail-request"),
            totp_sealer=Sealer(secrets, "totp"),
            lifetimes=Lifetimes(
                absolute=timedelta(days=settings.refresh_token_days),
                idle=timedelta(days=settings.refresh_idle_days),
                grace=timedelta(seconds=settings.refresh_grace_seconds),
            ),
            account_backoff=_backoff(settings, settings.free_failed_sign_ins),
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
