"""HTTPS towards the services: nobody is believed who cannot show a certificate for the configured name."""

import asyncio
import os
import re
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shared.chassis.testing.engines import wait_until
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.tls_upstream import Authority, TlsServer
from tests.gateway.wire import Wire

Serve = Callable[..., TlsServer]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """``serve(certificate)``: a TLS server of this test."""
    servers: list[TlsServer] = []

    def start(certificate: Path, **options: object) -> TlsServer:
        servers.append(TlsServer(certificate, **options))  # type: ignore[arg-type]
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def routes(url: str, ca_file: Path | None, health: str = "") -> str:
    authorities = f'ca_file = "{ca_file}"\n' if ca_file else ""
    return (
        f'[upstreams.u]\nrequired = true\nurls = ["{url}"]\n{authorities}{health}\n'
        '[[routes]]\nname = "x"\nprefix = "/x"\nupstream = "u"\naccess = "public"\n'
    )


def failure(gateway: Gateway) -> tuple[int, str, str]:
    answer = httpx.get(f"{gateway.url}/x/y")
    return answer.status_code, answer.json()["code"], answer.headers["proxy-status"]


def test_a_service_with_a_believed_certificate_is_asked_over_tls_and_found_well(
    start_gateway: StartGateway, authority: Authority, serve: Serve
) -> None:
    server = serve(authority.issue("localhost"))
    gateway = start_gateway(routes=routes(f"https://localhost:{server.port}", authority.file))

    answers = [httpx.get(f"{gateway.url}/x/y", headers={"Host": "127.0.0.1"}) for _ in range(3)]

    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "ok")] * 3
    # The name comes from the route file, whatever host the client named; one connection served all three.
    assert set(server.asked_names) == {"localhost"}
    assert len(server.asked_names) == 2  # the probe's, and the requests'
    assert [re.search(rb"host: (\S+)", head)[1] for head in server.heads[1:]] == [  # type: ignore[index]
        f"localhost:{server.port}".encode()
    ] * 3
    assert httpx.get(f"{gateway.url}/readyz").json()["checks"]["u"] == "pass"


def test_an_address_is_a_name_too(start_gateway: StartGateway, authority: Authority, serve: Serve) -> None:
    server = serve(authority.issue("127.0.0.1"))
    gateway = start_gateway(routes=routes(f"https://127.0.0.1:{server.port}", authority.file))

    assert httpx.get(f"{gateway.url}/x/y").status_code == 200


@pytest.mark.parametrize("flaw", ["unknown authority", "other name", "expired", "self-signed"])
def test_a_bad_certificate_is_told_as_one_and_nothing_is_sent(
    start_gateway: StartGateway, authority: Authority, serve: Serve, flaw: str, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    certificate = {
        "unknown authority": lambda: stranger.issue("localhost"),
        "other name": lambda: authority.issue("other.example"),
        "expired": lambda: authority.issue("localhost", expires_in=timedelta(days=-1)),
        "self-signed": lambda: stranger.issue("localhost"),
    }[flaw]()
    server = serve(certificate)
    ca_file = None if flaw == "self-signed" else authority.file  # None: what the system believes
    gateway = start_gateway(routes=routes(f"https://localhost:{server.port}", ca_file))

    assert failure(gateway) == (502, "bad_gateway", "doorward; error=tls_certificate_error")
    assert server.heads == []
    ready = httpx.get(f"{gateway.url}/readyz")
    assert (ready.status_code, ready.json()["checks"]["u"]) == (503, "fail")
    assert '"said":"tls_certificate_error"' in gateway.lines()


def test_a_service_that_speaks_no_tls_is_no_service(
    start_gateway: StartGateway, authority: Authority, serve: Serve
) -> None:
    server = serve(authority.issue("localhost"), is_plain=True)
    gateway = start_gateway(routes=routes(f"https://localhost:{server.port}", authority.file))

    assert failure(gateway) == (502, "bad_gateway", "doorward; error=tls_protocol_error")


async def test_an_answer_whose_tls_was_cut_does_not_look_complete(
    start_gateway: StartGateway, authority: Authority, serve: Serve
) -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\npay ada 10"  # as long as the connection lasts
    complete = serve(authority.issue("localhost"), answer=endless)
    cut = serve(authority.issue("localhost"), answer=endless, is_cut=True)
    gateways = [
        await asyncio.to_thread(
            start_gateway, routes=routes(f"https://localhost:{server.port}", authority.file)
        )
        for server in (complete, cut)
    ]
    whole, broken = [await Wire.connect(gateway.port) for gateway in gateways]

    assert (await whole.get("/x/y")).body == b"pay ada 10"
    with pytest.raises(asyncio.IncompleteReadError):
        await broken.get("/x/y")
    for wire in (whole, broken):
        wire.close()


def test_a_worker_is_replaced_though_the_authorities_file_has_gone(
    start_gateway: StartGateway, authority: Authority, serve: Serve, tmp_path: Path
) -> None:
    ca_file = tmp_path / "authorities.pem"
    ca_file.write_bytes(authority.file.read_bytes())
    server = serve(authority.issue("localhost"))
    gateway = start_gateway(routes=routes(f"https://localhost:{server.port}", ca_file))
    ca_file.unlink()
    before = gateway.worker_pids()

    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: gateway.worker_pids() not in ([], before), what="another worker")
    wait_until(gateway.answers, what="its answer")

    assert httpx.get(f"{gateway.url}/x/y").status_code == 200


def test_a_service_comes_back_with_a_better_certificate(
    start_gateway: StartGateway, authority: Authority, serve: Serve
) -> None:
    bad = serve(authority.issue("other.example"))
    health = "health_interval_seconds = 0.2"
    gateway = start_gateway(routes=routes(f"https://localhost:{bad.port}", authority.file, health))
    assert failure(gateway)[0] == 502
    bad.stop()

    serve(authority.issue("localhost"), port=bad.port)

    wait_until(lambda: httpx.get(f"{gateway.url}/readyz").status_code == 200, what="a healthy replica")
    assert httpx.get(f"{gateway.url}/x/y").status_code == 200
