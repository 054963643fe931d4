"""The administrator that a request's access token speaks for."""

from services.auth.accounts.administrators import Administrator
from shared.chassis.access import caller


def administrator() -> Administrator:
    """Whoever administrates; an API key counts as never having signed in."""
    who = caller()
    return Administrator(who.account_id, who.session_id if who.scopes is None else None)
