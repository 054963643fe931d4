"""`/api/v1/notifications/templates`: what mails say."""

from typing import Any

from services.notifications.authoring import authoring
from services.notifications.schemas.messages import AcceptedSchema
from services.notifications.schemas.templates import (
    NewTemplateSchema,
    PreviewSchema,
    RenderedSchema,
    TemplateListSchema,
    TemplateSchema,
    TestSchema,
    VersionQuerySchema,
    WrittenTemplateSchema,
)
from services.notifications.templating.compiling import Rendered
from shared.chassis.access import caller, requires_role
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "templates",
    __name__,
    url_prefix="/api/v1/notifications/templates",
    description="The texts of mails, with versions.",
)


@blueprint.get("")
@requires_role("admin")
@blueprint.response(200, TemplateListSchema)
def list_templates() -> dict[str, Any]:
    """List every template with its variables."""
    return authoring.list_all()


@blueprint.post("")
@requires_role("admin")
@idempotent
@blueprint.arguments(NewTemplateSchema)
@blueprint.response(201, TemplateSchema)
def create_template(body: dict[str, Any]) -> dict[str, Any]:
    """Create a template."""
    return authoring.create(**body, by=caller().account_id)


@blueprint.get("/<name>")
@requires_role("admin")
@blueprint.arguments(VersionQuerySchema, location="query")
@blueprint.response(200, TemplateSchema)
def show_template(query: dict[str, Any], name: str) -> dict[str, Any]:
    """Get the current version of a template, or an older one, and the list of versions."""
    return authoring.get(name, query["version"])


@blueprint.put("/<name>")
@requires_role("admin")
@blueprint.arguments(WrittenTemplateSchema)
@blueprint.response(200, TemplateSchema)
def put_template(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Store a new version of a template. Accepted messages keep the version that they have."""
    return authoring.put(name, **body, by=caller().account_id)


@blueprint.delete("/<name>")
@requires_role("admin")
@blueprint.response(204)
def delete_template(name: str) -> None:
    """Delete a template; a built-in one gets its original text back. Accepted messages keep their version."""
    authoring.remove(name)


@blueprint.post("/<name>/preview")
@requires_role("admin")
@blueprint.arguments(PreviewSchema, required=False)
@blueprint.response(200, RenderedSchema)
def preview_template(body: dict[str, Any], name: str) -> Rendered:
    """Preview a template, or a draft that is not stored."""
    return authoring.preview(name, **body)


@blueprint.post("/<name>/test")
@requires_role("admin")
@idempotent
@blueprint.arguments(TestSchema, required=False)
@blueprint.response(202, AcceptedSchema)
def test_template(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Send the template to your own address."""
    return authoring.send_test(name, **body, by=caller().account_id)
