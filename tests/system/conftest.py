"""Whole backends out of real processes: the kit's, which most tests share, and those of single modules."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.chassis.testing.servers import Servers
from tests.browsers import serving_page
from tests.system.backend import Backend
from tests.system.kit import Kit

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
def app_port() -> Iterator[int]:
    """A page of another origin that may call the gateway with cookies, and use passkeys."""
    with serving_page() as port:
        yield port


@pytest.fixture(scope="session")
def doorward(app_port: int) -> Iterator[Kit]:
    """The kit's Doorward, for all tests that kill none of its processes and do not flood it."""
    by_name, by_address = (f"http://{host}:{app_port}" for host in ("localhost", "127.0.0.1"))
    kit = Kit(
        GATEWAY_TRUSTED_PROXY_COUNT="1",  # so that a test can speak for many clients
        GATEWAY_ALLOWED_ORIGINS=f"{by_name},{by_address}",
        AUTH_PASSKEY_ORIGINS=by_name,
    )
    yield kit
    kit.close()
