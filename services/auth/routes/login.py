"""`/api/v1/auth/login`: signing in by password."""

from typing import Any

from flask import Response

from services.auth.clients import current_client
from services.auth.passwords.places import hashes_password
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.login import SignInSchema
from services.auth.sign_in import by_password
from services.auth.throttling.limits import limited
from shared.chassis.access import public
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "login", __name__, url_prefix="/api/v1/auth/login", description="Sign in with a password."
)


@blueprint.post("")
@public
@hashes_password
@limited("sign_in_limit")
@blueprint.arguments(SignInSchema)
@pair_response(blueprint, gives_device_token=True)
def login(body: dict[str, Any]) -> Response:
    """Sign in with address and password."""
    client = current_client(body.pop("organization_id"))
    return answer_pair(by_password.by_password(**body, client=client))
