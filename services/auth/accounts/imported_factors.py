"""The factors that come and go with an account: authenticator, recovery codes, passkeys.

Recovery codes are stored as hashes under a key of the database that made them. Another Doorward takes hashes
and key; where the codes themselves are known, they are hashed here.
"""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from webauthn.helpers import bytes_to_base64url

from services.auth.deps import deps
from services.auth.factors.codes import recovery_code_hashes
from services.auth.store import factors, kept_keys, passkeys
from shared.chassis.ids import new_id


def keep(account_id: UUID, line: dict[str, Any], now: datetime) -> None:
    """Keep the factors of a line for a new account, in the caller's transaction."""
    if line["totp_secret"] is not None:
        factors.add_confirmed_totp(account_id, deps().totp_sealer.seal(line["totp_secret"].encode()), now)
    hashes = [recovery_code_hashes(account_id, code)[0] for code in line["recovery_codes"]]
    if line["recovery_code_hashes"]:
        _keep_key(bytes.fromhex(line["recovery_code_key"]), now)
        hashes += line["recovery_code_hashes"]
    if hashes:
        factors.replace_recovery_codes(account_id, list(dict.fromkeys(hashes)))
    for passkey in line["passkeys"]:
        passkeys.add_new(**{"created_at": now, **passkey}, id=new_id(), account_id=account_id)


def _keep_key(key: bytes, now: datetime) -> None:
    name = kept_keys.RECOVERY + hashlib.sha256(key).hexdigest()[:16]
    kept_keys.add(name, deps().kept_keys.sealer.seal(key), now)


def describe(account_id: UUID) -> dict[str, Any]:
    """The factors of an account, as another Doorward takes them in; in the caller's transaction."""
    hashes = factors.list_recovery_code_hashes(account_id)
    return {
        "totp_secret": _totp_secret(account_id),
        "recovery_code_hashes": hashes,
        "recovery_code_key": deps().kept_keys.codes().hex() if hashes else None,
        "passkeys": [
            {
                "credential_id": bytes_to_base64url(passkey.credential_id),
                "public_key": bytes_to_base64url(passkey.public_key),
                "sign_count": passkey.sign_count,
                "transports": passkey.transports,
                "is_backed_up": passkey.is_backed_up,
                "name": passkey.name,
                "created_at": passkey.created_at,
            }
            for passkey in passkeys.list_of(account_id)
        ],
    }


def _totp_secret(account_id: UUID) -> str | None:
    factor = factors.find_totp(account_id)
    if factor is None or factor.confirmed_at is None:
        return None
    return deps().totp_sealer.open(factor.sealed_secret).decode()
