"""`/api/v1/auth/api-keys`, `/introspect` and `/revoke`: keys for programs, and what a token is worth."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify

from services.auth import api_keys, introspection
from services.auth.factor_models import ApiKey
from services.auth.limits import limited
from services.auth.schemas.administration import (
    ApiKeyListSchema,
    ApiKeySchema,
    CreatedApiKeySchema,
    IntrospectionSchema,
    NewApiKeySchema,
    TokenFormSchema,
)
from shared.chassis.access import caller, public, requires_scope, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("api_keys", __name__, url_prefix="/api/v1/auth", description="API keys and tokens")


@blueprint.get("/api-keys")
@signed_in
@blueprint.response(200, ApiKeyListSchema)
def show_all() -> dict[str, Any]:
    """The caller's keys, newest first."""
    return {"items": api_keys.list_own(caller().account_id), "next_cursor": None}


@blueprint.post("/api-keys")
@signed_in
@idempotent
@blueprint.arguments(NewApiKeySchema)
@blueprint.response(201, CreatedApiKeySchema)
def create(body: dict[str, Any]) -> Response:
    """Make a key; the answer shows it, and nothing does again."""
    who = caller()
    made = api_keys.create(who.account_id, who.session_id, is_admin=who.is_admin, **body)
    response = jsonify(**_shown(made.row), key=made.key)
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


def _shown(row: ApiKey) -> dict[str, Any]:
    shown: dict[str, Any] = ApiKeySchema().dump(row)
    return shown


@blueprint.delete("/api-keys/<uuid:key_id>")
@signed_in
@blueprint.response(204)
def delete(key_id: UUID) -> None:
    """Make a key worthless, and within a second the tokens that it was exchanged for."""
    api_keys.delete(caller().account_id, key_id)


@blueprint.post("/introspect")
@requires_scope("tokens:introspect")
@blueprint.arguments(TokenFormSchema, location="form", error_status_code=400)
@blueprint.response(200, IntrospectionSchema)
def introspect(form: dict[str, Any]) -> Response:
    """What a token is worth now (RFC 7662): an access token, a refresh token or an API key.

    `token_type_hint` is passed over: every kind is looked for, as section 2.1 allows.
    """
    response = jsonify(introspection.introspect(form["token"]))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/revoke")
@public
@limited("sign_in_limit")
@blueprint.arguments(TokenFormSchema, location="form", error_status_code=400)
@blueprint.response(200)
def revoke(form: dict[str, Any]) -> Response:
    """End what a token stands for, its session or API key (RFC 7009). Whoever holds it may.

    The answer is the same for a token that is worth nothing; `token_type_hint` is passed over.
    """
    introspection.revoke(form["token"])
    return Response(status=200)
