"""`/api/v1/auth/password`: forgotten, reset, changed."""

from typing import Any

from services.auth.clients import current_client
from services.auth.passwords import changes
from services.auth.passwords.places import hashes_password
from services.auth.schemas.answers import StatusSchema
from services.auth.schemas.mailed import EmailSchema
from services.auth.schemas.password import PasswordChangeSchema, ResetSchema
from services.auth.throttling.limits import limited
from shared.chassis.access import caller, public, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "password",
    __name__,
    url_prefix="/api/v1/auth/password",
    description="Reset a forgotten password, or change it.",
)


@blueprint.post("/forgot")
@public
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailSchema)
@blueprint.response(202, StatusSchema)
def forget(body: dict[str, Any]) -> dict[str, str]:
    """Send a reset code and link, if the address has an account. The response is the same either way."""
    changes.forget(body["email"])
    return {"status": "reset_sent"}


@blueprint.post("/reset")
@public
@hashes_password
@limited("sign_in_limit")
@blueprint.arguments(ResetSchema)
@blueprint.response(204)
def reset(body: dict[str, Any]) -> None:
    """Set a new password with the code or link from the mail.

    Ends every session, begun sign-in, mailed code, change under way and known device, and deletes the API
    keys and passkeys unless they are to be kept. Authenticator and recovery codes stay.
    """
    kept = {"api_keys": body.pop("keep_api_keys"), "passkeys": body.pop("keep_passkeys")}
    keep = frozenset(table for table, is_kept in kept.items() if is_kept)
    if "token" in body:
        changes.reset_by_token(**body, keep=keep)
    else:
        changes.reset_by_code(**body, client=current_client(), keep=keep)


@blueprint.post("/change")
@signed_in
@hashes_password
@limited("sign_in_limit")
@blueprint.arguments(PasswordChangeSchema)
@blueprint.response(204)
def change(body: dict[str, Any]) -> None:
    """Change the password. Ends every other session."""
    who = caller()
    changes.change(who.account_id, who.session_id, **body, client=current_client())
