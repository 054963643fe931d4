"""`/api/v1/auth/register` and `/verify-email`: getting an account."""

from typing import Any

from flask import Response

from services.auth import registration
from services.auth.clients import current_client
from services.auth.limits import limited
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.sign_in import (
    CodeOrTokenSchema,
    EmailSchema,
    RegisterSchema,
    StatusSchema,
)
from shared.chassis.access import public
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "registration", __name__, url_prefix="/api/v1/auth", description="Registration and verification"
)
SENT = {"status": "verification_sent"}


@blueprint.post("/register")
@public
@limited("register_limit")
@idempotent
@blueprint.arguments(RegisterSchema)
@blueprint.response(202, StatusSchema)
def register(body: dict[str, Any]) -> dict[str, str]:
    """Make an account. The answer is the same for an address that has one: its owner is told by mail."""
    registration.register(**body, client=current_client())
    return SENT


@blueprint.post("/verify-email")
@public
@limited("sign_in_limit")
@blueprint.arguments(CodeOrTokenSchema)
@pair_response(blueprint, gives_device_token=True)
def verify(body: dict[str, Any]) -> Response:
    """Prove the address by the mail's code or link, and sign in. No GET does: mail scanners follow links."""
    client = current_client()
    if "token" in body:
        return answer_pair(registration.verify_by_token(body["token"], client))
    return answer_pair(registration.verify_by_code(body["email"], body["code"], client))


@blueprint.post("/verify-email/resend")
@public
@limited("mail_limit")
@idempotent
@blueprint.arguments(EmailSchema)
@blueprint.response(202, StatusSchema)
def resend(body: dict[str, Any]) -> dict[str, str]:
    """Mail another code, at most one a minute, if the address waits for one. The answer does not tell."""
    registration.resend(body["email"])
    return SENT
