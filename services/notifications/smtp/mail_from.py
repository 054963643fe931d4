"""The sender of every mail, read from the setting; what could not be written in a header stops the start."""

import re
from email.header import Header
from email.utils import formataddr

from email_validator import EmailNotValidError, validate_email

_NAMED = re.compile(r"\s*(?P<name>.*?)\s*<(?P<address>[^<>]*)>\s*", re.DOTALL)
LONGEST_NAME = 100
_QUOTED = re.compile(r'"(?P<inner>(?:[^"\\]|\\.)*)"', re.DOTALL)


def parse(text: str) -> tuple[str, str]:
    """Name and address of ``address``, ``Name <address>`` or ``"Name" <address>``; raises ValueError."""
    match = _NAMED.fullmatch(text)
    name, address = (match["name"], match["address"]) if match else ("", text.strip())
    name = _unquoted(name)
    if any(not mark.isprintable() for mark in name):
        raise ValueError("the sender's name must be one line of visible characters")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"the sender's name must have at most {LONGEST_NAME} characters")
    try:
        checked = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except EmailNotValidError as error:
        raise ValueError("must be `address` or `Name <address>`") from error
    return name, checked.ascii_email or checked.normalized


def _unquoted(name: str) -> str:
    match = _QUOTED.fullmatch(name)
    return re.sub(r"\\(.)", r"\1", match["inner"]) if match else name


def as_header(name: str, address: str) -> str:
    """The sender as the From header shows it: the name quoted or encoded where it needs that."""
    if name.isascii():
        return formataddr((name, address))
    # In words of at most 75 characters each (RFC 2047 section 2); `formataddr` makes one of any length.
    return f"{Header(name, 'utf-8', maxlinelen=75).encode(linesep='')} <{address}>"
