"""The SMTP side: takes every mail that is completely handed over, whatever happens to the client."""

import asyncio
from contextlib import suppress
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from deploy.mailbox.chaos import Chaos, Moment
from deploy.mailbox.mail import Mail
from deploy.mailbox.store import Store
from shared.chassis.logs import get_logger

HANGING_SECONDS = 0.05  # how soon a connection that hangs goes on when the switches change

log = get_logger(__name__)


class Cut(Exception):
    """The connection is to be cut now, without an answer."""


class Handler:
    """What happens at each moment of a delivery; the protocol is aiosmtpd's."""

    def __init__(self, store: Store, chaos: Chaos) -> None:
        self._store = store
        self.chaos = chaos
        self.port: int | None = None  # known once it listens

    async def meet(self, moment: Moment, recipients: list[str]) -> str | None:
        """Let the chaos switches act at ``moment``: a refusal, or None; raises Cut."""
        # Until the client leaves, or the switches change, which another thread does.
        while self.chaos.hangs(moment, recipients):  # noqa: ASYNC110
            await asyncio.sleep(HANGING_SECONDS)
        await asyncio.sleep(self.chaos.delay(moment, recipients))
        if self.chaos.drops(moment, recipients):
            raise Cut
        return self.chaos.rejection(moment, recipients)

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        refusal = await self.meet("mail", [])
        if refusal is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return refusal or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        refusal = await self.meet("rcpt", [address])
        if refusal is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return refusal or "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail. From the final dot to here nothing waits, so nothing can come between."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = Mail.receive(envelope.mail_from or "", envelope.rcpt_tos, content, port=self.port)
        self._store.add(mail)
        log.info("mail_received", mail_id=mail.id, recipients=len(mail.to), bytes=len(content))
        await self.meet("after_data", envelope.rcpt_tos)
        return "250 OK kept as " + mail.id

    def authenticate(self, *_arguments: Any) -> AuthResult:
        """Let anybody sign in: a sender that is set up with credentials shall work here too."""
        return AuthResult(success=True)


class _Reader(asyncio.StreamReader):
    """Ends the session where the client's bytes end, and not before they are read."""

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        try:
            return await super().readuntil(separator)
        except asyncio.IncompleteReadError as error:
            # How aiosmtpd ends a session whose client is gone.
            raise asyncio.CancelledError from error


class Protocol(SMTP):
    """aiosmtpd's protocol, except that a client which is gone does not take its mail along.

    aiosmtpd cancels the session as soon as it hears that the connection is lost, though the whole
    mail may lie in its buffer. Here the session reads what has arrived to its end first.
    """

    def __init__(self, handler: Handler, *, message_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            handler,
            data_size_limit=message_bytes,
            enable_SMTPUTF8=True,
            hostname="mailbox",
            ident="Doorward mailbox",
            auth_require_tls=False,
            authenticator=handler.authenticate,
            loop=loop,
        )
        reader = _Reader(limit=self.line_length_limit, loop=loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, self._cb_client_connected, loop)

    def eof_received(self) -> bool | None:
        """The client will send no more: the reader finds out when it gets there."""
        return asyncio.StreamReaderProtocol.eof_received(self)

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone: an end of its bytes like any other, even after a reset."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, None)

    async def push(self, status: Any) -> None:
        """Answer, if anybody is there to hear it."""
        with suppress(ConnectionError):
            await super().push(status)

    async def _handle_client(self) -> None:
        try:
            refusal = await self.event_handler.meet("connect", [])
            if refusal is None:
                await super()._handle_client()
            else:
                await self.push(refusal)
        except Cut:
            self._writer.transport.abort()
        finally:
            self._writer.close()
            self.transport = None

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours is a temporary one; a cut is none."""
        if isinstance(error, Cut):
            self._writer.transport.abort()
            return "421 cut"
        log.error("smtp_session_failed", exc_info=error)
        return "451 the mailbox failed; its log says why"

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        """Take the content, unless the chaos switches are against it before any is sent."""
        refusal = await self.event_handler.meet("data", self.envelope.rcpt_tos if self.envelope else [])
        if refusal is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(refusal)


async def listen(handler: Handler, *, host: str, port: int, message_bytes: int) -> asyncio.Server:
    """Take mail on ``host:port`` from now on; raises OSError where that is in use."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(handler, message_bytes=message_bytes), host, port)
    handler.port = server.sockets[0].getsockname()[1]
    return server
