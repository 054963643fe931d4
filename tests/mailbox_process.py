"""A real mailbox in a process of its own, on free ports."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from shared.chassis.testing.engines import free_port, wait_until

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Mailbox:
    """The addresses of a running mailbox, and its API."""

    smtp_port: int
    api: httpx.Client

    def messages(self, **query: str | int) -> list[dict[str, Any]]:
        """The kept mails, the newest first."""
        answer = self.api.get("/api/messages", params=query)
        assert answer.status_code == 200
        return list(answer.json())

    def chaos(self, **switches: Any) -> None:
        """Turn the chaos switches."""
        assert self.api.put("/api/chaos", json=switches).status_code == 200

    def clear(self) -> None:
        """Empty it and mend its faults."""
        self.api.delete("/api/messages")
        self.api.delete("/api/chaos")


@contextmanager
def running_mailbox(**environment: str) -> Iterator[Mailbox]:
    """A mailbox process with these further settings."""
    port, smtp_port = free_port(), free_port()
    ports = {"MAILBOX_PORT": str(port), "MAILBOX_SMTP_PORT": str(smtp_port)}
    program = [sys.executable, "-m", "deploy", "mailbox"]
    process = subprocess.Popen(program, env={**os.environ, **ports, **environment})
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=10) as api:
        wait_until(lambda: _answers(api), what="an answer of the mailbox")
        yield Mailbox(smtp_port, api)
    process.terminate()
    assert process.wait(10) == 0


def _answers(api: httpx.Client) -> bool:
    try:
        return api.get("/livez").status_code == 200
    except httpx.TransportError:
        return False
