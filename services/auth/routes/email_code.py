"""`/api/v1/auth/email-code`: signing in by mail."""

from typing import Any

from flask import Response

from services.auth.clients import current_client
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.answers import StatusSchema
from services.auth.schemas.mailed import EmailSchema, MailedSignInSchema
from services.auth.sign_in import email_codes
from services.auth.throttling.limits import limited
from shared.chassis.access import public
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "email_code",
    __name__,
    url_prefix="/api/v1/auth/email-code",
    description="Sign in with a code or link by mail, without a password.",
)


@blueprint.post("")
@public
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailSchema)
@blueprint.response(202, StatusSchema)
def ask_for_code(body: dict[str, Any]) -> dict[str, str]:
    """Send a sign-in code and link, if the address has an account. The response is the same either way."""
    email_codes.ask(body["email"])
    return {"status": "code_sent"}


@blueprint.post("/verify")
@public
@limited("sign_in_limit")
@blueprint.arguments(MailedSignInSchema)
@pair_response(blueprint, gives_device_token=True)
def verify_code(body: dict[str, Any]) -> Response:
    """Sign in with the code or link from the mail."""
    client = current_client(body["organization_id"])
    if "token" in body:
        return answer_pair(email_codes.verify_by_token(body["token"], client))
    return answer_pair(email_codes.verify_by_code(body["email"], body["code"], client))
