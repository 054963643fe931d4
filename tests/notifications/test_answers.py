"""A server whose answers come slowly, or never end, costs a timeout and no slot."""

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat

import flask_mail
import pytest

from services.notifications.smtp import answers
from services.notifications.smtp.conversations import SmtpConnection
from services.notifications.smtp.mime import MailMessage
from services.notifications.smtp.refusals import OutcomeUnknown, Refused
from services.notifications.smtp.servers import SmtpServer
from tests.mailbox_process import HOST
from tests.notifications.test_international import Noted

TIMEOUT_SECONDS = 0.5
# What a server sends in the place of an answer, again and again, and after how many seconds.
ENDLESS = {
    "a byte now and then": (b"2", 0.1),
    "a line now and then": (b"250-x\r\n", 0.1),
    "lines without end": (b"250-x\r\n" * 1000, 0.0),
    "a line without end": (b"250 " + b"x" * 8192, 0.0),
}
USUAL = {"greeting": b"220", "ehlo": b"250", "mail": b"250", "rcpt": b"250", "data": b"354", "answer": b"250"}


@contextmanager
def server_that_goes_astray(phase: str, part: bytes, pause_seconds: float) -> Iterator[int]:
    """The port of a server that answers as usual up to ``phase``, and there sends ``part`` without end."""

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                for name, code in USUAL.items():
                    self.hear(name)
                    for _ in repeat(None) if name == phase else ():
                        self.wfile.write(part)
                        time.sleep(pause_seconds)
                    self.wfile.write(code + b" x\r\n")

        def hear(self, name: str) -> None:
            if name != "greeting":
                while (line := self.rfile.readline()) and name == "answer" and line != b".\r\n":
                    pass

    with socketserver.ThreadingTCPServer((HOST, 0), Talk) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def deliver(port: int) -> None:
    server = SmtpServer(host=HOST, port=port, security="none")
    connection = SmtpConnection(
        flask_mail.Mail(), server, timeout=TIMEOUT_SECONDS, final_timeout=TIMEOUT_SECONDS
    )
    message = MailMessage(
        subject="s", recipients=["ada@example.org"], body="t", html="t", sender="no-reply@example.org"
    )
    connection.open("no-reply@example.org", within_seconds=TIMEOUT_SECONDS)
    try:
        connection.deliver(message, Noted())
    finally:
        connection.abandon()


@pytest.mark.parametrize("phase", ["greeting", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize(("part", "pause_seconds"), ENDLESS.values(), ids=ENDLESS)
def test_answer_that_does_not_end_is_a_server_s_fault_and_costs_one_timeout(
    phase: str, part: bytes, pause_seconds: float
) -> None:
    with server_that_goes_astray(phase, part, pause_seconds) as port:
        begun = time.monotonic()
        with pytest.raises(Refused) as refused:
            deliver(port)
        took_seconds = time.monotonic() - begun

    assert (refused.value.is_servers_fault, refused.value.is_permanent) == (True, False)
    assert took_seconds < 4 * TIMEOUT_SECONDS


@pytest.mark.parametrize(("part", "pause_seconds"), ENDLESS.values(), ids=ENDLESS)
def test_answer_to_the_whole_message_that_does_not_end_leaves_the_outcome_unknown(
    part: bytes, pause_seconds: float
) -> None:
    with server_that_goes_astray("answer", part, pause_seconds) as port:
        begun = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            deliver(port)

    assert time.monotonic() - begun < 4 * TIMEOUT_SECONDS


def test_long_answer_in_many_pieces_is_read_whole_and_the_timeout_is_as_before() -> None:
    lines = [b"250-" + b"x" * 400 + b"\r\n"] * 100

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 x\r\n")
            self.rfile.readline()
            for line in lines:
                self.wfile.write(line)
            self.wfile.write(b"250 end\r\n")
            self.rfile.readline()

    with socketserver.ThreadingTCPServer((HOST, 0), Talk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with answers.BoundedSmtp(HOST, server.server_address[1], timeout=7) as client:
            code, text = client.docmd("HELP")
            assert client.sock is not None
            timeout = client.sock.gettimeout()
            client.close()
        server.shutdown()

    assert (code, len(text.split(b"\n")), timeout) == (250, 101, 7)
