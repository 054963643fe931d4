"""`/api/v1/notifications/topics`: what messages are about."""

from typing import Any

from services.notifications.messages import topics
from services.notifications.schemas.topics import TopicListSchema, TopicSchema, WrittenTopicSchema
from shared.chassis.access import requires_role, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "topics",
    __name__,
    url_prefix="/api/v1/notifications/topics",
    description="What messages are about; people can switch topics off.",
)


@blueprint.get("")
@signed_in
@blueprint.response(200, TopicListSchema)
def list_topics() -> dict[str, Any]:
    """List every topic. Critical topics cannot be switched off."""
    return topics.list_all()


@blueprint.put("/<name>")
@requires_role("admin")
@blueprint.arguments(WrittenTopicSchema)
@blueprint.response(200, TopicSchema)
def put_topic(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Create or change a topic."""
    return topics.put(name, **body)
