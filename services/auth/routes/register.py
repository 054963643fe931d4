"""`/api/v1/auth/register`: getting an account."""

from typing import Any

from services.auth.accounts import registration
from services.auth.passwords.places import hashes_password
from services.auth.schemas.answers import StatusSchema
from services.auth.schemas.register import RegisterSchema
from services.auth.throttling.limits import limited
from shared.chassis.access import public
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "register",
    __name__,
    url_prefix="/api/v1/auth/register",
    description="Sign up with an address and a password.",
)


SENT = {"status": "verification_sent"}


@blueprint.post("")
@public
@hashes_password
@limited("register_limit")
@idempotent
@blueprint.arguments(RegisterSchema)
@blueprint.response(202, StatusSchema)
def register(body: dict[str, Any]) -> dict[str, str]:
    """Sign up. The response is the same for an address that has an account; its owner gets a mail."""
    registration.register(**body)
    return SENT
