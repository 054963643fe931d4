"""The codes of second factors: of the authenticator app, and those for the day when it is lost."""

from datetime import datetime
from uuid import UUID

from services.auth import audit
from services.auth.deps import deps
from services.auth.factors import totp
from services.auth.store import factors, kept_keys


def use_code(account_id: UUID, code: str, now: datetime) -> bool:
    """Use an authenticator's or recovery code up in the caller's transaction; whether it was right."""
    factor = factors.find_totp(account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    secret = deps().totp_sealer.open(factor.sealed_secret).decode()
    step = totp.find_step(secret, code, now)
    if step is not None:
        return factors.use_totp_step(account_id, step)
    if not factors.use_recovery_code(account_id, recovery_code_hashes(account_id, code)):
        return False
    audit.record("recovery_code_used", account_id=account_id, actor_id=account_id)
    return True


def recovery_code_hashes(account_id: UUID, code: str) -> list[str]:
    """What may be stored for a recovery code, however it was typed; in the caller's transaction."""
    plain = "".join(mark for mark in code.casefold() if mark.isalnum())
    imported = [deps().kept_keys.sealer.open(sealed) for sealed in kept_keys.list_sealed(kept_keys.RECOVERY)]
    return deps().codes.hashes(f"recovery:{account_id}", plain, more_keys=imported)
