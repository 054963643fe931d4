"""Where Redis is, and what it wants to hear first: all forms of URL that redis-py takes."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from redis.connection import SSLConnection, UnixDomainSocketConnection, parse_url

DEFAULT_PORT = 6379
_CHECKS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class RedisAddress:
    """The address in a URL: ``redis://``, ``rediss://`` or ``unix://``, with redis-py's options."""

    def __init__(self, url: str) -> None:
        self._options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        kind = self._options.get("connection_class")
        self._path = self._options.get("path") if kind is UnixDomainSocketConnection else None
        self._tls = _tls_context(self._options) if kind is SSLConnection else None

    @property
    def hello(self) -> list[tuple[str, ...]]:
        """The commands that a new connection begins with."""
        commands: list[tuple[str, ...]] = []
        if password := self._options.get("password"):
            user = self._options.get("username")
            commands.append(("AUTH", *([user] if user else []), password))
        if database := self._options.get("db"):
            commands.append(("SELECT", str(database)))
        return commands

    async def connect(
        self, loop: asyncio.AbstractEventLoop, protocol: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        """Make a connection; raises OSError."""
        if self._path is not None:
            await loop.create_unix_connection(protocol, self._path)
            return
        host, port = self._options.get("host", "127.0.0.1"), self._options.get("port", DEFAULT_PORT)
        await loop.create_connection(protocol, host, port, ssl=self._tls)


def _tls_context(options: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=options.get("ssl_ca_certs"),
        capath=options.get("ssl_ca_path"),
        cadata=options.get("ssl_ca_data"),
    )
    checks = _CHECKS[options.get("ssl_cert_reqs", "required")]
    context.check_hostname = checks is ssl.CERT_REQUIRED and options.get("ssl_check_hostname", True)
    context.verify_mode = checks
    if certificate := options.get("ssl_certfile"):
        context.load_cert_chain(certificate, options.get("ssl_keyfile"), options.get("ssl_password"))
    return context
