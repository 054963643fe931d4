"""Whole backends out of real processes, on servers of their own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.chassis.testing.servers import Servers
from tests.system.backend import Backend

StartBackend = Callable[..., Backend]


@contextmanager
def backends(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartBackend]:
    """``start(count=2)`` starts a backend on its own PostgreSQL and Redis, ended with the ``with``."""
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

    try:
        yield start
    finally:
        for end in reversed(endings):
            end()


@pytest.fixture(scope="module")
def start_backend(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartBackend]:
    """Starts backends of this module alone, which may kill what it likes."""
    with backends(servers, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def backend(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """One of each process, for all tests that kill none and do not flood it: a start takes its seconds."""
    with backends(servers, tmp_path_factory) as start:
        yield start()
