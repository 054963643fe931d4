"""The use cases on an account's passkeys (WebAuthn): add, list, rename, remove.

The authenticator checks its user (PIN, finger, face), so a passkey is two factors by itself.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
import webauthn
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.auth import audit
from services.auth.deps import deps
from services.auth.errors import AccountNotFound, PasskeyInvalid, PasskeyNotFound, TooManyCredentials
from services.auth.factors import ceremonies, relying_party
from services.auth.factors.ceremonies import Ceremony
from services.auth.mail import outgoing
from services.auth.models import Account, Passkey, db
from services.auth.sign_in.reauthentication import lock_fresh
from services.auth.store import accounts
from services.auth.store import passkeys as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id

ADDING = "passkey_adding"
MOST_PASSKEYS = 50


def begin_adding(account_id: UUID, session_id: UUID | None) -> Ceremony:
    """Options for ``navigator.credentials.create``; raises FreshSignInRequired."""
    settings = deps().settings
    with transaction(db):
        account = lock_fresh(account_id, session_id)
        options = webauthn.generate_registration_options(
            rp_id=relying_party.domain(settings),
            rp_name=relying_party.name(settings),
            user_name=account.email,
            user_display_name=account.display_name or account.email,
            user_id=account_id.bytes,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_known(store.list_of(account_id)),
        )
        token = ceremonies.keep(ADDING, options.challenge, account_id)
    return Ceremony(token, orjson.loads(webauthn.options_to_json(options)))


def _known(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in passkeys]


def add(account_id: UUID, *, passkey_token: str, credential: dict[str, Any], name: str) -> Passkey:
    """Keep the new passkey; raises PasskeyInvalid, TooManyCredentials."""
    with transaction(db):
        accounts.lock(Account.id == account_id)  # before the ticket, as by whoever ends credentials
        challenge = ceremonies.take(ADDING, passkey_token, account_id)
        try:
            verified = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=relying_party.domain(deps().settings),
                expected_origin=relying_party.origins(deps().settings),
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError) as error:
            raise PasskeyInvalid from error
        if len(store.list_of(account_id)) >= MOST_PASSKEYS:
            raise TooManyCredentials
        passkey = store.add(
            id=new_id(),
            account_id=account_id,
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=_transports(credential),
            is_backed_up=verified.credential_backed_up,
            name=name,
            created_at=utcnow(),
        )
        if passkey is None:
            raise PasskeyInvalid
        _tell(account_id, passkey, "passkey_added")
    return passkey


def _transports(credential: dict[str, Any]) -> list[str]:
    response = credential.get("response")
    transports = response.get("transports", []) if isinstance(response, dict) else []
    return [str(transport)[:32] for transport in transports[:8]] if isinstance(transports, list) else []


def list_own(account_id: UUID) -> Sequence[Passkey]:
    """List the account's passkeys, newest first."""
    return store.list_of(account_id)


def rename(account_id: UUID, passkey_id: UUID, name: str) -> Passkey:
    """Rename a passkey; raises PasskeyNotFound."""
    with transaction(db):
        passkey = _get_own(account_id, passkey_id)
        passkey.name = name
    return passkey


def remove(account_id: UUID, session_id: UUID | None, passkey_id: UUID) -> None:
    """Forget a passkey; raises FreshSignInRequired, PasskeyNotFound."""
    with transaction(db) as session:
        lock_fresh(account_id, session_id)
        passkey = _get_own(account_id, passkey_id)
        session.delete(passkey)
        _tell(account_id, passkey, "passkey_removed")


def _get_own(account_id: UUID, passkey_id: UUID) -> Passkey:
    passkey = db.session.get(Passkey, passkey_id)
    if passkey is None or passkey.account_id != account_id:
        raise PasskeyNotFound
    return passkey


def _tell(account_id: UUID, passkey: Passkey, action: str) -> None:
    outgoing.send_notice("mfa_changed", _get(account_id), change=action, credential=passkey.name)
    credential_id = bytes_to_base64url(passkey.credential_id)
    audit.record(action, account_id=account_id, passkey_id=str(passkey.id), credential_id=credential_id)


def _get(account_id: UUID) -> Account:
    account = accounts.find(account_id)
    if account is None:
        raise AccountNotFound
    return account
