"""The sender: what one message says never shows in another, and what it takes of a server it gives back."""

from types import SimpleNamespace

import flask_mail
import pytest

from services.notifications.delivery.crowding import Crowd
from services.notifications.delivery.sender import Sender
from services.notifications.lanes import LANES, NORMAL
from services.notifications.smtp.breakers import Breaker
from services.notifications.smtp.refusals import UNAVAILABLE, Refused
from services.notifications.smtp.servers import SmtpServer
from services.notifications.templating.compiling import Rendered


class Recorder:
    """An outlet that keeps what it is given."""

    def __init__(self) -> None:
        self.server, self.breaker = SmtpServer(host="mail.example.org"), Breaker()
        self.messages: list[flask_mail.Message] = []
        self.rights = 0

    def is_available(self) -> bool:
        return True

    def enter(self) -> bool:
        self.rights += 1
        return True

    def share(self, workers: int) -> None:
        pass

    def deliver(self, message: flask_mail.Message, _mail_from: str, _handover: object) -> str:
        self.rights -= 1
        self.messages.append(message)
        return "250 OK"

    def close(self) -> None:
        pass


class Silent(Recorder):
    """An outlet that does not answer until little is left of the lease."""

    def deliver(self, message: flask_mail.Message, _mail_from: str, handover: SimpleNamespace) -> str:
        super().deliver(message, _mail_from, handover)
        handover.left_seconds = 0.5
        raise Refused("connect", UNAVAILABLE, "timed out")


def test_server_that_is_not_tried_any_more_is_as_free_as_before() -> None:
    outlets = [Silent(), Recorder()]
    sender = Sender("Ada", "ada@example.org", outlets, crowd=Crowd(dict.fromkeys(LANES, 1)))
    outlets[1].server = SmtpServer(host="mail.example.net", order=1)
    handover = SimpleNamespace(lane=NORMAL, left_seconds=10.0, note=lambda _server: None)

    with pytest.raises(Refused):
        sender.send(Rendered("s", "t\n", "h"), to_email="x@example.org", message_id="<x>", handover=handover)

    assert [(len(outlet.messages), outlet.rights) for outlet in outlets] == [(1, 0), (0, 0)]


def test_messages_that_are_sent_at_once_keep_their_own_content() -> None:
    outlet = Recorder()
    sender = Sender("Ada", "ada@example.org", [outlet], crowd=Crowd(dict.fromkeys(LANES, 1)))
    handover = SimpleNamespace(lane=NORMAL, left_seconds=10.0, note=lambda _server: None)

    for name in ("one", "two"):
        content = Rendered(f"s-{name}", f"t-{name}\n", f"<p>h-{name}</p>")
        sender.send(content, to_email=f"{name}@example.org", message_id=f"<{name}@x>", handover=handover)

    first, second = (message.as_bytes().decode() for message in outlet.messages)
    assert all(mark in first for mark in ("s-one", "t-one", "h-one", "one@example.org", "<one@x>"))
    assert "two" not in first
    assert "one" not in second
