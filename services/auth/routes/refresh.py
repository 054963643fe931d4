"""`/api/v1/auth/refresh`: the next pair of a session."""

from typing import Any

from flask import Response

from services.auth.clients import current_client
from services.auth.routes.answers import answer_pair, forget_cookies, is_by_cookie, pair_response
from services.auth.routes.bearer import bearer_token
from services.auth.schemas.refresh import RefreshSchema
from services.auth.sessions import refreshing
from services.auth.sessions.refreshing import Choice
from shared.chassis.access import public
from shared.chassis.errors import Unauthorized
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "refresh", __name__, url_prefix="/api/v1/auth/refresh", description="Get new tokens for a session."
)


@blueprint.post("")
@public
@blueprint.arguments(RefreshSchema, required=False)  # the token may be in Authorization
@pair_response(blueprint, gives_device_token=False)
def refresh(body: dict[str, Any]) -> Response:
    """Exchange a refresh token for the current pair (rotation: RFC 9700 section 4.14.2).

    Tabs that send the same token at once all get the same new one. A client that did not receive the answer
    sends its token again, at any time. An old token ends the session if its successor was used before.
    """
    choice = Choice(body["organization_id"]) if "organization_id" in body else None
    if is_by_cookie():
        return _refresh_cookies(choice)
    token = body.get("refresh_token") or bearer_token()
    return answer_pair(refreshing.refresh(token, current_client(), choice))


def _refresh_cookies(choice: Choice | None) -> Response:
    """As ``refresh``; cookies that are worth nothing any more are cleared, since no script can do it."""
    try:
        return answer_pair(refreshing.refresh(bearer_token(), current_client(), choice))
    except Unauthorized:
        forget_cookies()
        raise
