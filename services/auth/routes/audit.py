"""`/api/v1/auth/audit`: the audit log."""

from collections.abc import Iterator
from typing import Any

import orjson
from flask import Response, stream_with_context

from services.auth import audit
from services.auth.schemas.audit import AuditEventSchema, AuditPageSchema, AuditQuerySchema
from shared.chassis.access import requires_role
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "audit", __name__, url_prefix="/api/v1/auth/audit", description="The audit log, for administrators."
)


NDJSON = "application/x-ndjson"


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(AuditQuerySchema, location="query")
@blueprint.response(200, AuditPageSchema)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """List audit events, newest first: who did what to whom, and from where."""
    return audit.search(**query)


@blueprint.get("/export")
@requires_role("admin")
@blueprint.arguments(AuditQuerySchema(exclude=("limit", "cursor")), location="query")
@blueprint.response(200, content_type=NDJSON, description="One JSON object a line.")
def export_events(query: dict[str, Any]) -> Response:
    """Export every audit event that matches, as NDJSON."""
    return Response(stream_with_context(_lines(query)), mimetype=NDJSON)


def _lines(query: dict[str, Any]) -> Iterator[bytes]:
    schema = AuditEventSchema()
    for event in audit.iterate(**query):
        yield orjson.dumps(schema.dump(event)) + b"\n"
