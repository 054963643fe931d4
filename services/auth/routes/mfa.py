"""`/api/v1/auth/mfa`: second factors."""

from typing import Any

from flask import Response, jsonify

from services.auth.clients import current_client
from services.auth.factors import authenticators
from services.auth.routes.answers import answer_pair, pair_response
from services.auth.schemas.mailed import CodeSchema
from services.auth.schemas.mfa import (
    AuthenticatorSchema,
    FactorsSchema,
    NewRecoveryCodesSchema,
    SecondFactorSchema,
)
from services.auth.schemas.reauthenticate import PasswordSchema
from services.auth.sign_in import second_step
from services.auth.throttling.limits import limited
from shared.chassis.access import caller, public, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "mfa", __name__, url_prefix="/api/v1/auth/mfa", description="Authenticator apps and recovery codes."
)


@blueprint.get("")
@signed_in
@blueprint.response(200, FactorsSchema)
def show() -> authenticators.Overview:
    """Show which second factors the account has."""
    return authenticators.show(caller().account_id)


@blueprint.post("/totp")
@signed_in
@blueprint.response(201, AuthenticatorSchema)
def begin() -> authenticators.NewAuthenticator:
    """Set up an authenticator app (RFC 6238). It is required only after `/mfa/totp/confirm`."""
    who = caller()
    return authenticators.begin(who.account_id, who.session_id)


@blueprint.post("/totp/confirm")
@signed_in
@limited("sign_in_limit")
@blueprint.arguments(CodeSchema)
@blueprint.response(200, NewRecoveryCodesSchema)
def confirm(body: dict[str, Any]) -> Response:
    """Activate the authenticator. The response shows the recovery codes, once."""
    who = caller()
    return _shown_once(authenticators.confirm(who.account_id, who.session_id, body["code"]))


@blueprint.post("/recovery-codes")
@signed_in
@blueprint.response(200, NewRecoveryCodesSchema)
def renew_recovery_codes() -> Response:
    """Create ten new recovery codes. The previous ones stop working."""
    who = caller()
    return _shown_once(authenticators.renew_recovery_codes(who.account_id, who.session_id))


def _shown_once(codes: list[str]) -> Response:
    response = jsonify(recovery_codes=codes)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.delete("/totp")
@signed_in
@limited("sign_in_limit")
@blueprint.arguments(PasswordSchema)
@blueprint.response(204)
def remove(body: dict[str, Any]) -> None:
    """Remove the authenticator and all recovery codes. Needs a recent sign-in and the password."""
    who = caller()
    authenticators.remove(who.account_id, who.session_id, body["password"], current_client())


@blueprint.post("/verify")
@public
@limited("sign_in_limit")
@blueprint.arguments(SecondFactorSchema)
@pair_response(blueprint, gives_device_token=True)
def verify(body: dict[str, Any]) -> Response:
    """Finish a sign-in that returned `mfa_required`, with an authenticator code or a recovery code."""
    client = current_client(body.pop("organization_id"))
    return answer_pair(second_step.verify(**body, client=client))
