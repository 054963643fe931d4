"""One request id and one trace, through every process that has a part in a registration."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from shared.chassis.testing.engines import wait_until
from tests.system.backend import Backend
from tests.system.journey import Journey

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

# Who has a part, and what it says of it: the web processes answer, the workers do the rest.
PARTS = (
    ("gateway", "request"),
    ("auth", "request"),
    ("auth-worker-1", "mail_request_granted"),
    ("users-worker-1", "message_handled"),
    ("notifications-worker-1", "message_handled"),
    ("notifications-worker-1", "attempt_finished"),
)


def lines(backend: Backend, process: str) -> Iterator[dict[str, Any]]:
    """The process's log; what is no JSON is a server's greeting."""
    for line in backend.processes[process].log().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def test_a_registration_can_be_followed_through_every_process(backend: Backend) -> None:
    request_id, trace_id = f"follow-{secrets.token_hex(8)}", secrets.token_hex(16)
    traveller = Journey(backend.gateway_url, backend.mailbox_url)
    traveller.client.headers["X-Request-ID"] = request_id
    traveller.client.headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"

    traveller.register()
    traveller.verify()

    def is_in_the_log_of(process: str, event: str) -> bool:
        return any(
            line["event"] == event
            and (line.get("request_id"), line.get("trace_id")) == (request_id, trace_id)
            for line in lines(backend, process)
        )

    for process, event in PARTS:
        wait_until(lambda p=process, e=event: is_in_the_log_of(p, e), what=f"{event} in the log of {process}")
