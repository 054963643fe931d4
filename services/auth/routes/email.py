"""`/api/v1/auth/email-code` and `/email`: signing in by mail, and getting another address."""

from typing import Any

from flask import Response

from services.auth import email_changes, email_codes
from services.auth.clients import current_client
from services.auth.limits import limited
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.changes import EmailChangeSchema, EmailConfirmationSchema
from services.auth.schemas.sign_in import CodeOrTokenSchema, EmailSchema, StatusSchema
from shared.chassis.access import caller, public, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("email", __name__, url_prefix="/api/v1/auth", description="Codes by mail, addresses")


@blueprint.post("/email-code")
@public
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailSchema)
@blueprint.response(202, StatusSchema)
def ask_for_code(body: dict[str, Any]) -> dict[str, str]:
    """Mail a code and link to sign in with, if the address has an account. The answer does not tell."""
    email_codes.ask(body["email"])
    return {"status": "code_sent"}


@blueprint.post("/email-code/verify")
@public
@limited("sign_in_limit")
@blueprint.arguments(CodeOrTokenSchema)
@pair_response(blueprint, gives_device_token=True)
def verify_code(body: dict[str, Any]) -> Response:
    """Sign in by the mail's code or link."""
    client = current_client()
    if "token" in body:
        return answer_pair(email_codes.verify_by_token(body["token"], client))
    return answer_pair(email_codes.verify_by_code(body["email"], body["code"], client))


@blueprint.post("/email/change")
@signed_in
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailChangeSchema)
@blueprint.response(202, StatusSchema)
def ask_for_change(body: dict[str, Any]) -> dict[str, str]:
    """Mail a code and link to the new address. Both addresses hear of it."""
    email_changes.ask(caller().account_id, **body, client=current_client())
    return {"status": "confirmation_sent"}


@blueprint.post("/email/change/confirm")
@public
@blueprint.doc(security=[{"bearer": []}, {}])
@limited("sign_in_limit")
@blueprint.arguments(EmailConfirmationSchema)
@blueprint.response(204)
def confirm_change(body: dict[str, Any]) -> None:
    """Take the new address over by the mail's code or link; ends every other session.

    Whoever is not signed in where the link was opened sends the password with it.
    """
    if "password" in body:
        email_changes.confirm_by_password(**body, client=current_client())
    else:
        _confirm_callers_change(body)


@signed_in
def _confirm_callers_change(body: dict[str, Any]) -> None:
    who = caller()
    if "token" in body:
        email_changes.confirm_by_token(who.account_id, who.session_id, body["token"])
    else:
        email_changes.confirm_by_code(who.account_id, who.session_id, body["code"])
