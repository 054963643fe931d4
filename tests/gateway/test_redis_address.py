"""Redis is found by every form of URL that redis-py takes."""

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.limits.redis_address import RedisAddress
from gateway.limits.redis_link import RedisLink
from tests.gateway.tls_upstream import Authority


@pytest.mark.parametrize(
    ("url", "hello"),
    [
        ("redis://h", []),
        ("redis://h:1/0", []),
        ("redis://h/2", [("SELECT", "2")]),
        ("redis://h?db=3", [("SELECT", "3")]),
        ("redis://:p%40ss@h", [("AUTH", "p@ss")]),
        ("rediss://u:p@h/1", [("AUTH", "u", "p"), ("SELECT", "1")]),
        ("unix:///run/redis.sock?db=4&password=p", [("AUTH", "p"), ("SELECT", "4")]),
    ],
)
def test_a_connection_begins_with_what_the_url_says(url: str, hello: list[tuple[str, ...]]) -> None:
    assert RedisAddress(url).hello == hello


async def test_a_socket_in_the_file_system_is_an_address(tmp_path: Path) -> None:
    async def say_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(b"+OK\r\n")
        writer.close()
        await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_unix_server(say_ok, tmp_path / "redis.sock")
    link = RedisLink(f"unix://{tmp_path}/redis.sock", timeout_seconds=1, scripts=())

    async with server:
        await link.start()
        is_up = link.is_up
        await link.stop()
        await gone.wait()

    assert is_up


@pytest.mark.parametrize(
    ("options", "mode", "checks_name"),
    [
        ("", ssl.CERT_REQUIRED, True),
        ("?ssl_cert_reqs=none", ssl.CERT_NONE, False),
        ("?ssl_cert_reqs=required&ssl_check_hostname=false", ssl.CERT_REQUIRED, False),
    ],
)
def test_tls_is_checked_as_the_url_says(options: str, mode: ssl.VerifyMode, checks_name: bool) -> None:
    context = RedisAddress(f"rediss://h{options}")._tls

    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (mode, checks_name)


def test_an_authority_of_its_own_is_believed(tmp_path: Path) -> None:
    context = RedisAddress(f"rediss://h?ssl_ca_certs={Authority(tmp_path).file}")._tls

    assert context is not None
    assert len(context.get_ca_certs()) == 1
