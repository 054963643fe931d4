"""The use cases on passkeys (WebAuthn): add, sign in without a password, list, rename, remove.

The authenticator checks its user (PIN, finger, face), so a passkey is two factors by itself. Signing in names
no account beforehand: the passkey does, so nobody learns which accounts have one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.auth import audit, mails, relying_party, sign_in
from services.auth.access_tokens import TokenPair
from services.auth.clients import Client
from services.auth.codes import new_token
from services.auth.deps import deps
from services.auth.errors import AccountNotFound, PasskeyInvalid, PasskeyNotFound
from services.auth.factor_models import Passkey
from services.auth.models import Account, db
from services.auth.reauthentication import require_fresh
from services.auth.store import accounts, challenges
from services.auth.store import passkeys as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id

ADDING = "passkey_adding"
SIGNING_IN = "passkey_sign_in"
LIFETIME = timedelta(minutes=5)
METHODS = ["pop", "user", "mfa"]  # RFC 8176: possession of a key, and the user's presence


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the browser is given, and the token that comes back with its answer."""

    passkey_token: str
    options: dict[str, Any]


def begin_adding(account_id: UUID, session_id: UUID | None) -> Ceremony:
    """Options for ``navigator.credentials.create``; raises FreshSignInRequired."""
    require_fresh(session_id)
    settings = deps().settings
    with transaction(db):
        account = _get(account_id)
        options = webauthn.generate_registration_options(
            rp_id=relying_party.domain(settings),
            rp_name=relying_party.domain(settings),
            user_name=account.email,
            user_display_name=account.display_name or account.email,
            user_id=account_id.bytes,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_known(store.list_of(account_id)),
        )
        token = _keep(ADDING, options.challenge, account_id)
    return Ceremony(token, orjson.loads(webauthn.options_to_json(options)))


def _known(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in passkeys]


def add(account_id: UUID, *, passkey_token: str, credential: dict[str, Any], name: str) -> Passkey:
    """Keep the new passkey; raises PasskeyInvalid."""
    with transaction(db):
        challenge = _take(ADDING, passkey_token, account_id)
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
        _tell(account_id, passkey, "passkey_added", "a passkey was added")
    return passkey


def _transports(credential: dict[str, Any]) -> list[str]:
    response = credential.get("response")
    transports = response.get("transports", []) if isinstance(response, dict) else []
    return [str(transport)[:32] for transport in transports[:8]] if isinstance(transports, list) else []


def begin_sign_in() -> Ceremony:
    """Options for ``navigator.credentials.get``; the same for everybody."""
    options = webauthn.generate_authentication_options(
        rp_id=relying_party.domain(deps().settings), user_verification=UserVerificationRequirement.REQUIRED
    )
    with transaction(db):
        token = _keep(SIGNING_IN, options.challenge, None)
    return Ceremony(token, orjson.loads(webauthn.options_to_json(options)))


def finish_sign_in(*, passkey_token: str, credential: dict[str, Any], client: Client) -> TokenPair:
    """Sign in by a passkey; raises PasskeyInvalid."""
    now = utcnow()
    with transaction(db):
        challenge = _take(SIGNING_IN, passkey_token, None)
        passkey = _find(credential)
        count = _verify(passkey, credential, challenge)
        if store.use(passkey.id, count, now):
            outcome = _begin(passkey.account_id, client, now)
        else:
            outcome = _refuse_copy(passkey, client, now)
    return sign_in.settle(outcome)


def _begin(account_id: UUID, client: Client, now: datetime) -> sign_in.Outcome:
    account = accounts.note_sign_in(account_id, now, password_hash=None)
    return sign_in.begin(account, client, METHODS, now) if account else PasskeyInvalid()


def _refuse_copy(passkey: Passkey, client: Client, now: datetime) -> sign_in.Outcome:
    """The counter has not grown: of the authenticator there is a copy, and this may be it (section 6.1.1)."""
    mails.send_warning("passkey_copied", _get(passkey.account_id), client, now)
    audit.record("passkey_copied", account_id=passkey.account_id, passkey_id=str(passkey.id))
    return PasskeyInvalid()


def _find(credential: dict[str, Any]) -> Passkey:
    try:
        passkey = store.find(base64url_to_bytes(credential["id"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise PasskeyInvalid from error
    if passkey is None:
        raise PasskeyInvalid
    return passkey


def _verify(passkey: Passkey, credential: dict[str, Any], challenge: bytes) -> int:
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=relying_party.domain(deps().settings),
            expected_origin=relying_party.origins(deps().settings),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # judged where it is stored, against whoever comes at once
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise PasskeyInvalid from error
    return verified.new_sign_count


def list_own(account_id: UUID) -> Sequence[Passkey]:
    """The account's passkeys, newest first."""
    return store.list_of(account_id)


def rename(account_id: UUID, passkey_id: UUID, name: str) -> Passkey:
    """Give a passkey another name; raises PasskeyNotFound."""
    with transaction(db):
        passkey = _get_own(account_id, passkey_id)
        passkey.name = name
    return passkey


def remove(account_id: UUID, session_id: UUID | None, passkey_id: UUID) -> None:
    """Forget a passkey; raises FreshSignInRequired, PasskeyNotFound."""
    require_fresh(session_id)
    with transaction(db) as session:
        passkey = _get_own(account_id, passkey_id)
        session.delete(passkey)
        _tell(account_id, passkey, "passkey_removed", "a passkey was removed")


def _get_own(account_id: UUID, passkey_id: UUID) -> Passkey:
    passkey = db.session.get(Passkey, passkey_id)
    if passkey is None or passkey.account_id != account_id:
        raise PasskeyNotFound
    return passkey


def _tell(account_id: UUID, passkey: Passkey, action: str, change: str) -> None:
    mails.send_notice("mfa_changed", _get(account_id), change=change)
    credential_id = bytes_to_base64url(passkey.credential_id)
    audit.record(action, account_id=account_id, passkey_id=str(passkey.id), credential_id=credential_id)


def _get(account_id: UUID) -> Account:
    account = accounts.find(account_id)
    if account is None:
        raise AccountNotFound
    return account


def _keep(purpose: str, challenge: bytes, account_id: UUID | None) -> str:
    token = new_token()
    challenges.add_ticket(
        token_hash=deps().codes.hash(purpose, token),
        purpose=purpose,
        account_id=account_id,
        details={"challenge": bytes_to_base64url(challenge)},
        expires_at=utcnow() + LIFETIME,
    )
    return token


def _take(purpose: str, token: str, account_id: UUID | None) -> bytes:
    ticket = challenges.take_ticket(purpose, deps().codes.hashes(purpose, token), utcnow())
    if ticket is None or ticket.account_id != account_id:
        raise PasskeyInvalid
    return base64url_to_bytes(ticket.details["challenge"])
