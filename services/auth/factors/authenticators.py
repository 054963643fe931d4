"""The use cases on an account's authenticator app and recovery codes: begin, confirm, renew, remove."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import AccountNotFound, CodeInvalid, TotpAlreadyEnabled, TotpNotEnabled
from services.auth.factors import relying_party, totp
from services.auth.factors.codes import recovery_code_hashes
from services.auth.mail import outgoing
from services.auth.models import Account, db
from services.auth.sign_in.reauthentication import check_fresh, lock_fresh, lock_proven, prove_by_password
from services.auth.store import accounts, factors
from services.auth.throttling import attempts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction

RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is easily misread
_HALF = 5


@dataclass(frozen=True, slots=True)
class NewAuthenticator:
    """What an authenticator app is set up with; shown once."""

    secret: str
    otpauth_uri: str
    qr_svg: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The second factors of an account."""

    totp: bool
    recovery_codes_left: int


def show(account_id: UUID) -> Overview:
    """Show which second factors the account has."""
    with transaction(db):
        factor = factors.find_totp(account_id)
        is_confirmed = factor is not None and factor.confirmed_at is not None
        return Overview(is_confirmed, factors.count_recovery_codes(account_id))


def begin(account_id: UUID, session_id: UUID | None) -> NewAuthenticator:
    """A new secret, in force once a code is confirmed; raises FreshSignInRequired, TotpAlreadyEnabled."""
    secret = totp.new_secret()
    with transaction(db):
        account = lock_fresh(account_id, session_id)
        sealed = deps().totp_sealer.seal(secret.encode())
        if not factors.put_unconfirmed_totp(account_id, sealed, utcnow()):
            raise TotpAlreadyEnabled
        uri = totp.provisioning_uri(secret, email=account.email, issuer=relying_party.name(deps().settings))
    return NewAuthenticator(secret, uri, totp.qr_svg(uri))


def confirm(account_id: UUID, session_id: UUID | None, code: str) -> list[str]:
    """Bring the authenticator into force; the recovery codes. Raises CodeInvalid, TotpNotEnabled."""
    with transaction(db):
        check_fresh(session_id, utcnow())
    attempt = attempts.enter(attempts.second_factor_key(account_id))
    now = utcnow()
    with transaction(db):
        lock_fresh(account_id, session_id)
        factor = factors.find_totp(account_id)
        if factor is None:
            raise TotpNotEnabled
        if factor.confirmed_at is not None:
            raise TotpAlreadyEnabled
        step = totp.find_step(deps().totp_sealer.open(factor.sealed_secret).decode(), code, now)
        if step is None or not factors.use_totp_step(account_id, step, confirmed_at=now):
            raise CodeInvalid("This code is wrong or was used before.")
        _tell(account_id, "totp_enabled")
        recovery_codes = _new_recovery_codes(account_id)
        attempt.succeed()
    return recovery_codes


def renew_recovery_codes(account_id: UUID, session_id: UUID | None) -> list[str]:
    """Ten other codes, shown once; raises FreshSignInRequired, TotpNotEnabled."""
    with transaction(db):
        lock_fresh(account_id, session_id)
        factor = factors.find_totp(account_id)
        if factor is None or factor.confirmed_at is None:
            raise TotpNotEnabled
        _tell(account_id, "recovery_codes_renewed")
        return _new_recovery_codes(account_id)


def _new_recovery_codes(account_id: UUID) -> list[str]:
    codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
    factors.replace_recovery_codes(account_id, [recovery_code_hashes(account_id, code)[0] for code in codes])
    return codes


def _new_recovery_code() -> str:
    marks = "".join(secrets.choice(_ALPHABET) for _ in range(2 * _HALF))
    return f"{marks[:_HALF]}-{marks[_HALF:]}"


def remove(account_id: UUID, session_id: UUID | None, password: str, client: Client) -> None:
    """Remove the authenticator and the recovery codes.

    The password alone is not enough: the session has proven the second factor of late, too. Raises
    FreshSignInRequired, SessionRevoked, InvalidCredentials, TotpNotEnabled.
    """
    with transaction(db):
        check_fresh(session_id, utcnow())
    proven = prove_by_password(account_id, password, client)
    with transaction(db):
        lock_proven(proven)
        check_fresh(session_id, utcnow())
        if not factors.remove_all(account_id):
            raise TotpNotEnabled
        _tell(account_id, "totp_removed")


def _tell(account_id: UUID, action: str) -> None:
    outgoing.send_notice("mfa_changed", _get(account_id), change=action)
    audit.record(action, account_id=account_id)


def _get(account_id: UUID) -> Account:
    account = accounts.find(account_id)
    if account is None:
        raise AccountNotFound
    return account
