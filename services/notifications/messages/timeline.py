"""The timeline of a message: its acceptance, every attempt, and what people did about it. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notifications.models import Attempt, Delivery
from shared.chassis.access import Caller
from shared.chassis.logs import mask_text

_NO_ATTEMPT: dict[str, Any] = {"attempt": None, "server": None, "phase": None, "started_at": None}


def add(delivery: Delivery, name: str, now: datetime, detail: str | None = None) -> None:
    """Note what a person did."""
    event = {"name": name, "detail": detail, "occurred_at": now.isoformat()}
    delivery.actions = [*delivery.actions, event]


def of(delivery: Delivery, attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """What happened to the message, in order."""
    events = [_event("accepted", None, delivery.message.created_at)]
    events += [_attempt(attempt) for attempt in attempts]
    events += [
        _event(action["name"], action["detail"], datetime.fromisoformat(action["occurred_at"]))
        for action in delivery.actions
    ]
    if delivery.status == "sending":
        events.append(_begun(delivery))
    return sorted(events, key=lambda event: event["occurred_at"])


def shown_to(events: Sequence[dict[str, Any]], who: Caller) -> list[dict[str, Any]]:
    """The events without addresses, which mail servers like to repeat, unless ``who`` may see them."""
    if who.is_admin:
        return list(events)
    return [{**event, "detail": event["detail"] and mask_text(event["detail"])} for event in events]


def _event(name: str, detail: str | None, occurred_at: datetime) -> dict[str, Any]:
    return {"name": name, "detail": detail, "occurred_at": occurred_at, **_NO_ATTEMPT}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "name": attempt.outcome,
        "detail": attempt.detail,
        "occurred_at": attempt.ended_at,
        "attempt": attempt.number,
        "server": attempt.server,
        "phase": attempt.phase,
        "started_at": attempt.started_at,
    }


def _begun(delivery: Delivery) -> dict[str, Any]:
    return {
        **_event("sending", None, delivery.updated_at),
        "attempt": delivery.attempt_count,
        "server": delivery.server,
        "phase": delivery.phase,
        "started_at": delivery.updated_at,
    }
