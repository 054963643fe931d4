"""`/api/v1/auth/logout-all`: ending every session."""

from services.auth.accounts import sign_out
from services.auth.routes.answers import forget_cookies, is_by_cookie
from shared.chassis.access import caller, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "logout_all", __name__, url_prefix="/api/v1/auth/logout-all", description="Sign out of every session."
)


@blueprint.post("")
@signed_in
@blueprint.response(204)
def logout_all() -> None:
    """Sign out everywhere: end every session of the account, including this one."""
    if is_by_cookie():
        forget_cookies()
    who = caller()
    sign_out.everywhere(who.account_id, session_id=who.session_id)
