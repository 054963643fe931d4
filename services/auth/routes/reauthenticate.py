"""`/api/v1/auth/reauthenticate`: proving oneself again."""

from typing import Any

from flask import Response

from services.auth.clients import current_client
from services.auth.passwords.places import hashes_password
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.reauthenticate import ReauthenticationSchema
from services.auth.sign_in import reauthentication
from services.auth.throttling.limits import limited
from shared.chassis.access import caller, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "reauthenticate",
    __name__,
    url_prefix="/api/v1/auth/reauthenticate",
    description="Confirm the password before a sensitive change.",
)


@blueprint.post("")
@signed_in
@hashes_password
@limited("sign_in_limit")
@blueprint.arguments(ReauthenticationSchema)
@pair_response(blueprint, gives_device_token=False)
def reauthenticate(body: dict[str, Any]) -> Response:
    """Authenticate again in this session. Changes of credentials require a recent sign-in."""
    who = caller()
    pair = reauthentication.renew(who.account_id, who.session_id, **body, client=current_client())
    return answer_pair(pair)
