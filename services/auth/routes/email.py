"""`/api/v1/auth/email`: getting another address."""

from typing import Any

from services.auth.accounts import email_changes
from services.auth.clients import current_client
from services.auth.schemas.answers import StatusSchema
from services.auth.schemas.email import EmailChangeSchema, EmailConfirmationSchema, EmailUndoSchema
from services.auth.throttling.limits import limited
from shared.chassis.access import caller, public, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "email", __name__, url_prefix="/api/v1/auth/email", description="Change the address of an account."
)


@blueprint.post("/change")
@signed_in
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailChangeSchema)
@blueprint.response(202, StatusSchema)
def ask_for_change(body: dict[str, Any]) -> dict[str, str]:
    """Send a code and a link to the new address. Both addresses are notified."""
    email_changes.ask(caller().account_id, **body, client=current_client())
    return {"status": "confirmation_sent"}


@blueprint.post("/change/confirm")
@public
@blueprint.doc(security=[{"bearer": []}, {}])
@limited("sign_in_limit")
@blueprint.arguments(EmailConfirmationSchema)
@blueprint.response(204)
def confirm_change(body: dict[str, Any]) -> None:
    """Confirm the new address with the code or link from the mail. Ends every other session.

    Whoever is not signed in where the link was opened sends the password with it.
    """
    if "password" in body:
        email_changes.confirm_by_password(**body, client=current_client())
    else:
        _confirm_callers_change(body)


@blueprint.post("/change/undo")
@public
@limited("sign_in_limit")
@blueprint.arguments(EmailUndoSchema)
@blueprint.response(204)
def undo_change(body: dict[str, Any]) -> None:
    """Restore the previous address with the link that was mailed to it.

    All sessions, devices, API keys and passkeys end; a code to choose another password goes to that address.
    """
    email_changes.undo(body["token"])


@signed_in
def _confirm_callers_change(body: dict[str, Any]) -> None:
    who = caller()
    if "token" in body:
        email_changes.confirm_by_token(who.account_id, who.session_id, body["token"])
    else:
        email_changes.confirm_by_code(who.account_id, who.session_id, body["code"])
