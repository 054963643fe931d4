"""`/api/v1/auth/verify-email`: proving an address."""

from typing import Any

from flask import Response

from services.auth.accounts import registration
from services.auth.clients import current_client
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.answers import StatusSchema
from services.auth.schemas.mailed import EmailSchema, MailedSignInSchema
from services.auth.sign_in import verification
from services.auth.throttling.limits import limited
from shared.chassis.access import public
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "verify_email",
    __name__,
    url_prefix="/api/v1/auth/verify-email",
    description="Verify the address of a new account by code or link.",
)


SENT = {"status": "verification_sent"}


@blueprint.post("")
@public
@limited("sign_in_limit")
@blueprint.arguments(MailedSignInSchema)
@pair_response(blueprint, gives_device_token=True)
def verify(body: dict[str, Any]) -> Response:
    """Verify the address with the code or link from the mail, and sign in.

    No GET does this, because mail scanners follow links.
    """
    client = current_client(body["organization_id"])
    if "token" in body:
        return answer_pair(verification.by_token(body["token"], client))
    return answer_pair(verification.by_code(body["email"], body["code"], client))


@blueprint.post("/resend")
@public
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailSchema)
@blueprint.response(202, StatusSchema)
def resend(body: dict[str, Any]) -> dict[str, str]:
    """Send another verification code, at most one a minute. The response is the same for every address."""
    registration.resend(body["email"])
    return SENT
