"""The use case of signing in by a passkey, which counts as two factors.

Signing in names no account beforehand: the passkey does, so nobody learns which accounts have one.
"""

from datetime import datetime
from typing import Any

import orjson
import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    UserVerificationRequirement,
)

from services.auth import audit
from services.auth.accounts import directory
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import PasskeyInvalid
from services.auth.factors import ceremonies, relying_party
from services.auth.factors.ceremonies import Ceremony
from services.auth.mail import outgoing
from services.auth.models import Passkey, db
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import outcomes
from services.auth.store import accounts
from services.auth.store import passkeys as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction

SIGNING_IN = "passkey_sign_in"
METHODS = ["pop", "user", "mfa"]  # RFC 8176: possession of a key, and the user's presence


def begin_sign_in() -> Ceremony:
    """Options for ``navigator.credentials.get``; the same for everybody."""
    options = webauthn.generate_authentication_options(
        rp_id=relying_party.domain(deps().settings), user_verification=UserVerificationRequirement.REQUIRED
    )
    with transaction(db):
        token = ceremonies.keep(SIGNING_IN, options.challenge, None)
    return Ceremony(token, orjson.loads(webauthn.options_to_json(options)))


def finish_sign_in(*, passkey_token: str, credential: dict[str, Any], client: Client) -> TokenPair:
    """Sign in by a passkey; raises PasskeyInvalid."""
    now = utcnow()
    with transaction(db):
        challenge = ceremonies.take(SIGNING_IN, passkey_token, None)
        passkey = _find(credential)
        count = _verify(passkey, credential, challenge)
        account = accounts.lock_for_sign_in(passkey.account_id, password_hash=None)
        if account is None or store.find(passkey.credential_id) is None:
            raise PasskeyInvalid  # disabled or removed while the signature was checked
        if store.use(passkey.id, count, now):
            outcome: outcomes.Outcome = outcomes.begin(account, client, METHODS, now)
        else:
            outcome = _refuse_copy(passkey, client, now)
    return outcomes.settle(outcome)


def _refuse_copy(passkey: Passkey, client: Client, now: datetime) -> outcomes.Outcome:
    """The counter has not grown: of the authenticator there is a copy, and this may be it (section 6.1.1)."""
    outgoing.send_warning("passkey_copied", directory.get(passkey.account_id), client, now)
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
