"""From a message to what SMTP carries: addresses, and bytes that no line of the message can end."""

import re
from email.utils import parseaddr

import flask_mail

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


def envelope_of(message: flask_mail.Message) -> tuple[str, list[str], bytes]:
    """Sender, recipients and data; raises ValueError for what cannot be written in ASCII."""
    sender = parseaddr(flask_mail.sanitize_address(message.sender))[1]
    recipients = [parseaddr(address)[1] for address in flask_mail.sanitize_addresses(message.send_to)]
    for address in [sender, *recipients]:
        address.encode("ascii")
    return sender, recipients, as_data(message.as_bytes())


def as_data(message: bytes) -> bytes:
    """The mail as DATA wants it, without the final dot (RFC 5321 section 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", message)
    stuffed = _LEADING_DOT.sub(b"..", lines)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
