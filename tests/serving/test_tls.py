"""TLS at the listener: the certificate that was given, renewed by a reload, kept where the new one is bad."""

import asyncio
import signal
import ssl
from pathlib import Path

from shared.chassis.testing.engines import wait_until
from tests.gateway.tls_upstream import Authority
from tests.gateway.wire import Wire
from tests.serving.conftest import Serve, Served

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def serial_number(served: Served, authority: Authority) -> str:
    """Of the certificate that answers a request now."""
    context = ssl.create_default_context(cafile=authority.file)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", served.port, ssl=context, server_hostname="localhost"
    )
    wire = Wire(reader, writer)
    await wire.send(REQUEST)
    answer = await wire.receive()
    number = str(writer.get_extra_info("peercert")["serialNumber"])
    assert writer.get_extra_info("ssl_object").version() in {"TLSv1.2", "TLSv1.3"}
    wire.close()
    assert (answer.status, b'"scheme": "https"' in answer.body) == (200, True)
    return number


async def reload(served: Served) -> None:
    """Have all workers replaced."""
    before = set(served.workers())
    served.signal(signal.SIGHUP)
    await asyncio.to_thread(
        wait_until,
        lambda: served.workers() and not before & set(served.workers()),
        what="new workers",
        seconds=30,
    )


async def test_a_certificate_is_served_renewed_and_kept(serve: Serve, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    file = tmp_path / "certificate.pem"
    file.write_bytes(authority.issue("localhost").read_bytes())
    served = serve("--certfile", str(file))
    first = await serial_number(served, authority)

    file.write_bytes(authority.issue("localhost").read_bytes())
    await reload(served)
    second = await serial_number(served, authority)
    file.write_text("no certificate")
    await reload(served)
    third = await serial_number(served, authority)

    assert first != second == third
    assert "cannot be used" in served.lines()


async def test_who_speaks_no_tls_is_no_trouble(serve: Serve, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    served = serve("--certfile", str(authority.issue("localhost")))
    plain = await served.connect()
    await plain.send(REQUEST)

    rest = await plain.reader.read()
    plain.close()

    assert b"200 OK" not in rest
    assert await serial_number(served, authority)


async def test_a_first_certificate_that_is_bad_ends_the_start(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "bad.pem"
    file.write_text("no certificate")

    served = serve("--certfile", str(file), is_awaited=False)

    assert await asyncio.to_thread(served.process.wait, 30) != 0
