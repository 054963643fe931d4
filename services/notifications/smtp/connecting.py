"""A connection to a mail server that is ready for messages: secured, signed in, and prompt."""

import os
import smtplib
import socket
import ssl
from functools import lru_cache, partial
from pathlib import Path

from services.notifications.smtp import sign_in
from services.notifications.smtp.answers import BoundedSmtp
from services.notifications.smtp.servers import SmtpServer

Versions = tuple[tuple[int, ...], ...]


class _BoundedSmtpOverTls(BoundedSmtp, smtplib.SMTP_SSL):
    """The same over TLS from its first byte on."""


def connect(server: SmtpServer, *, my_name: str, timeout: float) -> smtplib.SMTP:
    """The connection; raises OSError or SMTPException."""
    context = _context(server) if server.security != "none" else None
    kind = partial(_BoundedSmtpOverTls, context=context) if server.security == "tls" else BoundedSmtp
    host = kind(server.host, server.port, local_hostname=my_name, timeout=timeout)
    try:
        if server.security == "starttls":
            host.starttls(context=context)
        host.ehlo_or_helo_if_needed()
        sign_in.sign_in(host, server)
        _send_at_once(host)
    except BaseException:
        host.close()
        raise
    return host


def _context(server: SmtpServer) -> ssl.SSLContext:
    """Certificates are always verified; ours is shown where the operator has given one."""
    mine = (server.client_certificate, server.client_key)
    believed = ssl.get_default_verify_paths().cafile
    return _context_of(*mine, tuple(_version(file) for file in (believed, *mine)))


@lru_cache(maxsize=16)
def _context_of(certificate: Path | None, key: Path | None, _versions: Versions) -> ssl.SSLContext:
    """Kept until one of its files changes: to read all authorities costs as much as thirty messages."""
    context = ssl.create_default_context()
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def _version(file: Path | str | None) -> tuple[int, ...]:
    """What is different once a file was written anew or replaced."""
    try:
        found = os.stat(file) if file is not None else None  # noqa: PTH116  (it may be text)
    except OSError:
        found = None  # who reads it says so
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found is not None else ()


def _send_at_once(host: smtplib.SMTP) -> None:
    """Let the final dot go out when it is sent.

    By default it waits until the server has acknowledged the content before it (Nagle's algorithm), which the
    server puts off for 40 ms: all that time the outcome would be unknown.
    """
    if host.sock is not None:
        host.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
