"""`/api/v1/auth/passkeys`: WebAuthn credentials."""

from typing import Any
from uuid import UUID

from flask import Response

from services.auth.clients import current_client
from services.auth.factors import passkeys
from services.auth.factors.ceremonies import Ceremony
from services.auth.models import Passkey
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.passkeys import (
    CeremonySchema,
    NewPasskeySchema,
    PasskeyListSchema,
    PasskeyNameSchema,
    PasskeySchema,
    PasskeySignInSchema,
)
from services.auth.sign_in import by_passkey
from services.auth.throttling.limits import limited
from shared.chassis.access import caller, public, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "passkeys",
    __name__,
    url_prefix="/api/v1/auth/passkeys",
    description="Add and manage passkeys, and sign in with them (WebAuthn).",
)


@blueprint.get("")
@signed_in
@blueprint.response(200, PasskeyListSchema)
def show_all() -> dict[str, Any]:
    """List the account's passkeys, newest first."""
    return {"items": passkeys.list_own(caller().account_id), "next_cursor": None}


@blueprint.post("/options")
@signed_in
@blueprint.response(200, CeremonySchema)
def begin_adding() -> Ceremony:
    """Get the options for the browser's `navigator.credentials.create`."""
    who = caller()
    return passkeys.begin_adding(who.account_id, who.session_id)


@blueprint.post("")
@signed_in
@blueprint.arguments(NewPasskeySchema)
@blueprint.response(201, PasskeySchema)
def add(body: dict[str, Any]) -> Passkey:
    """Store the passkey that the browser created."""
    return passkeys.add(caller().account_id, **body)


@blueprint.patch("/<uuid:passkey_id>")
@signed_in
@blueprint.arguments(PasskeyNameSchema)
@blueprint.response(200, PasskeySchema)
def rename(body: dict[str, Any], passkey_id: UUID) -> Passkey:
    """Rename a passkey."""
    return passkeys.rename(caller().account_id, passkey_id, body["name"])


@blueprint.delete("/<uuid:passkey_id>")
@signed_in
@blueprint.response(204)
def remove(passkey_id: UUID) -> None:
    """Delete a passkey."""
    who = caller()
    passkeys.remove(who.account_id, who.session_id, passkey_id)


@blueprint.post("/login/options")
@public
@limited("sign_in_limit")
@blueprint.response(200, CeremonySchema)
def begin_sign_in() -> Ceremony:
    """Get the options for the browser's `navigator.credentials.get`. They do not depend on the account."""
    return by_passkey.begin_sign_in()


@blueprint.post("/login")
@public
@limited("sign_in_limit")
@blueprint.arguments(PasskeySignInSchema)
@pair_response(blueprint, gives_device_token=True)
def finish_sign_in(body: dict[str, Any]) -> Response:
    """Sign in with a passkey. It counts as two factors."""
    client = current_client(body.pop("organization_id"))
    return answer_pair(by_passkey.finish_sign_in(**body, client=client))
