"""``doorward mailbox``: the SMTP side on an event loop, the HTTP side in a thread beside it."""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Mapping
from ipaddress import ip_address

import click
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from deploy.mailbox.archive import Archive
from deploy.mailbox.chaos import Chaos
from deploy.mailbox.settings import MailboxSettings
from deploy.mailbox.smtp import Handler, listen
from deploy.mailbox.store import Store
from deploy.mailbox.web import create_app
from shared.chassis import logs

log = logs.get_logger(__name__)


class SilentRequestHandler(WSGIRequestHandler):
    """The page asks every second; a line for each would bury the mails."""

    def log_request(self, *_arguments: object) -> None:
        """Say nothing."""


@click.command()
def mailbox() -> None:
    """Receive mail on MAILBOX_SMTP_PORT and show it on MAILBOX_PORT, until SIGTERM."""
    settings = MailboxSettings.load()
    logs.install("mailbox", "INFO")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every command
    try:
        asyncio.run(_run(settings))
    except OSError as error:
        click.echo(f"doorward: the mailbox cannot listen: {error.strerror}", err=True)
        sys.exit(1)


async def _run(settings: MailboxSettings) -> None:
    store = Store(
        capacity=settings.capacity,
        capacity_bytes=settings.capacity_bytes,
        archive=Archive(settings.folder),
    )
    stopped = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    listeners, chaos_of = [], {}
    for port in (settings.smtp_port, *settings.more_smtp_ports):
        handler = Handler(store, Chaos())
        listening = listen(handler, host=settings.host, port=port, message_bytes=settings.message_bytes)
        listeners.append(await listening)
        chaos_of[handler.port or port] = handler.chaos
    web = _serve_web(settings, store, chaos_of)
    log.info("mailbox_ready", port=web.server_port, smtp_ports=list(chaos_of))
    await stopped.wait()
    for listener in listeners:
        listener.close()
    web.shutdown()
    web.server_close()


def _serve_web(settings: MailboxSettings, store: Store, chaos_of: Mapping[int, Chaos]) -> BaseWSGIServer:
    app = create_app(store, chaos_of, is_on_loopback=_is_loopback(settings.host))
    server = make_server(
        settings.host, settings.port, app, threaded=True, request_handler=SilentRequestHandler
    )
    threading.Thread(target=server.serve_forever, name="web", daemon=True).start()
    return server


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
