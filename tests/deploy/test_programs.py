"""What the runner shows of its processes: what was done and what goes wrong, not how libraries work."""

import re

import pytest

from deploy.local import programs
from deploy.local.program import Program

ENVIRONMENT = {
    "TMPDIR": "/tmp",  # noqa: S108
    "AUTH_PORT": "8001",
    "USERS_PORT": "8002",
    "NOTIFICATIONS_PORT": "8003",
    "GATEWAY_METRICS_PORT": "9090",
}


def program(name: str) -> Program:
    everything = [
        programs.gateway(ENVIRONMENT),
        *programs.servers(ENVIRONMENT),
        programs.migration("auth", ENVIRONMENT),
    ]
    return next(one for one in everything if one.name == name)


@pytest.mark.parametrize(
    ("name", "line", "is_shown"),
    [
        ("auth-migrate", "Will assume transactional DDL.", False),
        ("auth-migrate", "Context impl PostgresqlImpl.", False),
        ("auth-migrate", "Running upgrade a27736de4f7e -> 1b7e4c30d952, let refused messages die", True),
        ("users", "Using worker: shared.serving.wsgi_worker.WsgiWorker", False),
        ("gateway", "Listening at: http://127.0.0.1:8080 (17223)", True),
        ("users", "Worker (pid:17223) was sent SIGKILL! Perhaps out of memory?", True),
        ("users-worker", "Task users.account_verified[5d1b8b35] received", False),
        ("users-worker", "Task users.account_verified[5d1b8b35] succeeded in 0.05s: None", False),
        ("users-worker", "Task users.account_verified[5d1b8b35] raised unexpected: KeyError()", True),
        ("auth-worker", '{"event":"message_handled","message":"account_verified"}', True),
    ],
)
def test_lines_that_help_are_shown(name: str, line: str, *, is_shown: bool) -> None:
    noise = program(name).noise

    assert (re.search(noise, line) is None) is is_shown
