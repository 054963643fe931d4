"""A server whose answers come slowly, or never end, costs a timeout and no slot."""

import socketserver
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

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
PAUSE_SECONDS = 0.1
# What a server says meanwhile is counted, not the time: on a busy machine it is as late as we are.
MOST_PIECES = 4 * TIMEOUT_SECONDS / PAUSE_SECONDS
PATIENCE_SECONDS = 10.0  # for answers that end
# What a server sends in the place of an answer, again and again, and after how many seconds.
ENDLESS = {
    "a byte now and then": (b"2", PAUSE_SECONDS),
    "a line now and then": (b"250-x\r\n", PAUSE_SECONDS),
    "lines without end": (b"250-x\r\n" * 1000, 0.0),
    "a line without end": (b"250 " + b"x" * 8192, 0.0),
}
USUAL = {"greeting": b"220", "ehlo": b"250", "mail": b"250", "rcpt": b"250", "data": b"354", "answer": b"250"}


class Endless:
    """``part``, again and again; how often it was said."""

    def __init__(self, part: bytes) -> None:
        self.part = part
        self.said = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.said += 1
            yield self.part


@contextmanager
def server_that_says(phase: str, said: Iterable[bytes], pause_seconds: float = 0) -> Iterator[int]:
    """The port of a server that answers as usual up to ``phase``, and there with all of ``said``."""

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                for name, code in USUAL.items():
                    self.hear(name)
                    for part in said if name == phase else [code + b" x\r\n"]:
                        self.wfile.write(part)
                        time.sleep(pause_seconds if name == phase else 0)

        def hear(self, name: str) -> None:
            if name != "greeting":
                while (line := self.rfile.readline()) and name == "answer" and line != b".\r\n":
                    pass

    with socketserver.ThreadingTCPServer((HOST, 0), Talk) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def deliver(port: int, timeout_seconds: float = PATIENCE_SECONDS) -> str:
    server = SmtpServer(host=HOST, port=port, security="none")
    connection = SmtpConnection(
        flask_mail.Mail(), server, timeout=timeout_seconds, final_timeout=timeout_seconds
    )
    message = MailMessage(
        subject="s", recipients=["ada@example.org"], body="t", html="t", sender="no-reply@example.org"
    )
    connection.open("no-reply@example.org", within_seconds=timeout_seconds)
    try:
        return connection.deliver(message, Noted())
    finally:
        connection.abandon()


@pytest.mark.parametrize("phase", ["greeting", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize(("part", "pause_seconds"), ENDLESS.values(), ids=ENDLESS)
def test_answer_that_does_not_end_is_a_server_s_fault_and_costs_one_timeout(
    phase: str, part: bytes, pause_seconds: float
) -> None:
    answer = Endless(part)
    with server_that_says(phase, answer, pause_seconds) as port:
        with pytest.raises(Refused) as refused:
            deliver(port, TIMEOUT_SECONDS)
        said = answer.said

    assert (refused.value.is_servers_fault, refused.value.is_permanent) == (True, False)
    assert not pause_seconds or said <= MOST_PIECES


@pytest.mark.parametrize("part", [b"250-x\r\n" * 1000, b"250 " + b"x" * 8192])
def test_answer_without_end_is_given_up_long_before_its_timeout(part: bytes) -> None:
    with server_that_says("rcpt", Endless(part)) as port, pytest.raises(Refused, match="is too long"):
        deliver(port)


@pytest.mark.parametrize(("part", "pause_seconds"), ENDLESS.values(), ids=ENDLESS)
def test_answer_to_the_whole_message_that_does_not_end_leaves_the_outcome_unknown(
    part: bytes, pause_seconds: float
) -> None:
    answer = Endless(part)
    with server_that_says("answer", answer, pause_seconds) as port:
        with pytest.raises(OutcomeUnknown):
            deliver(port, TIMEOUT_SECONDS)
        said = answer.said

    assert not pause_seconds or said <= MOST_PIECES


@pytest.mark.parametrize(
    ("phase", "answer"),
    [
        ("mail", b"200 ok"),
        ("rcpt", b"252 ok"),
        ("data", b"300 go on"),
        ("answer", b"200"),
        ("answer", b"252 ok"),
    ],
)
def test_unknown_code_means_what_its_first_digit_does(phase: str, answer: bytes) -> None:
    with server_that_says(phase, [answer + b"\r\n"]) as port:
        assert deliver(port)[0] == "2"


@pytest.mark.parametrize("answer", [b"", b"what?", b"354 go on", b"0", b"\xff\xfe", b"999 x"])
def test_whole_message_without_an_answer_that_can_be_read_may_have_been_taken(answer: bytes) -> None:
    with server_that_says("answer", [answer + b"\r\n"]) as port, pytest.raises(OutcomeUnknown):
        deliver(port)


@pytest.mark.parametrize("answer", [b"", b"what?", b"354 go on", b"999 x"])
def test_command_without_an_answer_that_can_be_read_is_tried_again(answer: bytes) -> None:
    with server_that_says("rcpt", [answer + b"\r\n"]) as port, pytest.raises(Refused) as refused:
        deliver(port)

    assert not refused.value.is_permanent


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
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        with answers.BoundedSmtp(HOST, server.server_address[1], timeout=7) as client:
            code, text = client.docmd("HELP")
            assert client.sock is not None
            timeout = client.sock.gettimeout()
            client.close()
        server.shutdown()

    assert (code, len(text.split(b"\n")), timeout) == (250, 101, 7)
