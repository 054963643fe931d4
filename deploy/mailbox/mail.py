"""One received mail: what the envelope and the bytes said, read without judging."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it was handed over. ``to`` is the envelope's: whom the sender really asked for."""

    id: str
    sender: str
    to: tuple[str, ...]
    content: bytes
    received_at: datetime
    port: int | None = None  # of the listener that took it

    @classmethod
    def receive(cls, sender: str, to: list[str], content: bytes, *, port: int | None = None) -> "Mail":
        """The mail that has just arrived."""
        return cls(str(new_id()), sender, tuple(to), content, utcnow(), port)

    def is_to(self, address: str) -> bool:
        """Whether ``address`` was asked for; case does not matter."""
        return address.casefold() in (recipient.casefold() for recipient in self.to)

    def as_dict(self) -> dict[str, Any]:
        """The mail as the API shows it. Parsed when asked for, so that receiving cannot fail on it."""
        message = _parsed(self.content)
        return {
            "id": self.id,
            "to": list(self.to),
            "from": self.sender,
            "port": self.port,
            "subject": str(message.get("Subject", "")),
            "text": _part(message, "plain"),
            "html": _part(message, "html"),
            "headers": _headers(message),
            "received_at": self.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    def html(self) -> str | None:
        """The HTML part; None where the mail has none."""
        return _part(_parsed(self.content), "html")


def _parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


def _headers(message: EmailMessage) -> dict[str, str]:
    """The headers by name; the values of one that is repeated stand on a line each."""
    headers: dict[str, str] = {}
    for name, value in message.items():
        headers[name] = f"{headers[name]}\n{value}" if name in headers else str(value)
    return headers


def _part(message: EmailMessage, kind: str) -> str | None:
    try:
        part = message.get_body((kind,))
        # Line ends are SMTP's own affair: a reader of the text gets plain ones.
        return None if part is None else part.get_content().replace("\r\n", "\n")
    except (LookupError, ValueError, AttributeError):  # a charset nobody knows, a part that is broken
        return None
