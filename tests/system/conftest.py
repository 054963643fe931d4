"""Whole backends out of real processes, on servers of their own."""

from collections.abc import Callable, Iterator

import pytest

from shared.chassis.testing.servers import Servers
from tests.system.backend import Backend

StartBackend = Callable[..., Backend]


@pytest.fixture(scope="module")
def start_backend(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartBackend]:
    """``start_backend(count=2)``: a backend on its own PostgreSQL and Redis, ended with the module."""
    endings: list[Callable[[], None]] = []

    def start(count: int = 1, **extra: str) -> Backend:
        postgres = servers.private_postgres()
        endings.append(postgres.close)
        redis = servers.private_redis()
        endings.append(redis.close)
        folder = tmp_path_factory.mktemp("backend")
        backend = Backend(postgres=postgres, redis=redis, folder=folder, count=count, extra=extra)
        endings.append(backend.close)
        backend.start()
        return backend

    yield start
    for end in reversed(endings):
        end()
