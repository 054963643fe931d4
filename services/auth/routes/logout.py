"""`/api/v1/auth/logout`: ending this session."""

from services.auth.routes.answers import forget_cookies, is_by_cookie
from services.auth.routes.bearer import bearer_token
from services.auth.sessions import refreshing, sessions
from shared.chassis.access import caller, public, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "logout", __name__, url_prefix="/api/v1/auth/logout", description="Sign out of this session."
)


@blueprint.post("")
@public
@blueprint.doc(security=[{"bearer": []}])
@blueprint.response(204)
def logout() -> None:
    """Sign out. In cookie mode the cookies are cleared even if the session has already ended."""
    if is_by_cookie():
        forget_cookies()
        refreshing.sign_out_by_refresh_token(bearer_token())
    else:
        _sign_caller_out()


@signed_in
def _sign_caller_out() -> None:
    who = caller()
    sessions.sign_out(who.account_id, who.session_id)
