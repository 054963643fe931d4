"""`/api/v1/auth/login`, `/refresh`, `/logout` and `/logout-all`."""

from typing import Any

from flask import Response, request

from services.auth import reauthentication, sessions, sign_in
from services.auth.clients import current_client
from services.auth.errors import RefreshTokenInvalid
from services.auth.limits import limited
from services.auth.routes.answers import answer_pair, forget_cookies, is_by_cookie, pair_response
from services.auth.schemas.sign_in import PasswordSchema, RefreshSchema, SignInSchema
from shared.chassis.access import caller, public, signed_in
from shared.chassis.errors import Unauthorized
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("sign_in", __name__, url_prefix="/api/v1/auth", description="Signing in and out")


@blueprint.post("/login")
@public
@limited("sign_in_limit")
@blueprint.arguments(SignInSchema)
@pair_response(blueprint, gives_device_token=True)
def login(body: dict[str, Any]) -> Response:
    """Sign in with address and password."""
    return answer_pair(sign_in.by_password(**body, client=current_client()))


@blueprint.post("/refresh")
@public
@blueprint.arguments(RefreshSchema)
@pair_response(blueprint, gives_device_token=False)
def refresh(body: dict[str, Any]) -> Response:
    """Exchange a refresh token for the current pair (rotation: RFC 9700 section 4.14.2).

    Tabs that send one token at once all get the same next one; a token that was superseded longer ago
    ends the session. A token cannot be guessed, so there is no limit here but the gateway's.
    """
    if is_by_cookie():
        return _refresh_cookies()
    token = body.get("refresh_token") or _bearer_token()
    return answer_pair(sessions.refresh(token, current_client()))


def _refresh_cookies() -> Response:
    """As ``refresh``; cookies that are worth nothing any more are cleared, since no script can do it."""
    try:
        return answer_pair(sessions.refresh(_bearer_token(), current_client()))
    except Unauthorized:
        forget_cookies()
        raise


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RefreshTokenInvalid
    return token.strip()


@blueprint.post("/reauthenticate")
@signed_in
@limited("sign_in_limit")
@blueprint.arguments(PasswordSchema)
@pair_response(blueprint, gives_device_token=False)
def reauthenticate(body: dict[str, Any]) -> Response:
    """Prove yourself again in this session, as a change of credentials asks for after five minutes."""
    who = caller()
    pair = reauthentication.renew(who.account_id, who.session_id, body["password"], current_client())
    return answer_pair(pair)


@blueprint.post("/logout")
@public
@blueprint.doc(security=[{"bearer": []}])
@blueprint.response(204)
def logout() -> None:
    """End this session. In cookie mode the cookies are cleared, even if the session has ended."""
    if is_by_cookie():
        forget_cookies()
        sessions.sign_out_by_refresh_token(_bearer_token())
    else:
        _sign_caller_out()


@signed_in
def _sign_caller_out() -> None:
    who = caller()
    sessions.sign_out(who.account_id, who.session_id)


@blueprint.post("/logout-all")
@signed_in
@blueprint.response(204)
def logout_all() -> None:
    """End every session of the account, this one included."""
    if is_by_cookie():
        forget_cookies()
    sessions.sign_out_everywhere(caller().account_id)
