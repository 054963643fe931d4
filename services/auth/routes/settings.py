"""`/api/v1/auth/settings`: what is offered here."""

from typing import Any

from services.auth.accounts import sign_up
from services.auth.schemas.settings import OfferSchema
from shared.chassis.access import public
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "settings",
    __name__,
    url_prefix="/api/v1/auth/settings",
    description="What a client needs for its sign-up and sign-in pages.",
)


@blueprint.get("")
@public
@blueprint.response(200, OfferSchema)
def show() -> dict[str, Any]:
    """Show who may sign up, the ways to sign in and the password rule."""
    return sign_up.describe()
