"""`/api/v1/auth/password`: forgotten, reset, changed."""

from typing import Any

from services.auth.clients import current_client
from services.auth.passwords import changes
from services.auth.schemas.answers import StatusSchema
from services.auth.schemas.mailed import EmailSchema
from services.auth.schemas.password import PasswordChangeSchema, ResetSchema
from services.auth.throttling.limits import limited
from shared.chassis.access import caller, public, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("password", __name__, url_prefix="/api/v1/auth/password", description="Passwords")


@blueprint.post("/forgot")
@public
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailSchema)
@blueprint.response(202, StatusSchema)
def forget(body: dict[str, Any]) -> dict[str, str]:
    """Mail a reset code and link, if the address has an account. The answer does not tell."""
    changes.forget(body["email"])
    return {"status": "reset_sent"}


@blueprint.post("/reset")
@public
@limited("sign_in_limit")
@blueprint.arguments(ResetSchema)
@blueprint.response(204)
def reset(body: dict[str, Any]) -> None:
    """Set a new password by the mail's code or link; ends every session."""
    if "token" in body:
        changes.reset_by_token(body["token"], body["password"])
    else:
        changes.reset_by_code(**body, client=current_client())


@blueprint.post("/change")
@signed_in
@limited("sign_in_limit")
@blueprint.arguments(PasswordChangeSchema)
@blueprint.response(204)
def change(body: dict[str, Any]) -> None:
    """Set another password; ends every other session."""
    who = caller()
    changes.change(who.account_id, who.session_id, **body, client=current_client())
