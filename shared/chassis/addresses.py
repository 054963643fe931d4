"""E-mail addresses: how every service stores, compares and mails them.

The domain is its IDNA 2008 A-label in lower case (RFC 5890 to 5893): ``straße.de`` is not ``strasse.de``.
Addresses are compared by one rule, ``canonical``: the local part in NFC with its ASCII letters in lower case,
and folded no further, since what merely looks alike may be another's mailbox. auth and users store this
form; notifications mails a local part as it was typed, and compares by the rule.
"""

import re
import unicodedata

import idna
from email_validator import EmailNotValidError, validate_email

LONGEST = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
# What is pasted along with an address and cannot be seen. The joiners are letters of some scripts and stay.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

NOT_AN_ADDRESS = "This is not an e-mail address."
NOT_DELIVERABLE = "Mail can be delivered only to addresses with ASCII characters before the @."
TOO_LONG = f"An address has at most {LONGEST} characters."


class AddressInvalid(ValueError):
    """The text is no address that we could mail; its message says why, for whoever typed it."""


def deliverable(text: str, *, takes_test_domains: bool = False) -> str:
    """The address as mail goes to it, the local part as it was typed; raises AddressInvalid."""
    local, separator, domain = _UNSEEN.sub("", text).strip().rpartition("@")
    if not separator:
        raise AddressInvalid(NOT_AN_ADDRESS)
    if not local.isascii():
        raise AddressInvalid(NOT_DELIVERABLE)
    address = f"{local}@{_a_label(domain)}"
    if len(address) > LONGEST:
        raise AddressInvalid(TOO_LONG)
    try:
        validate_email(
            address,
            check_deliverability=False,
            allow_smtputf8=False,
            strict=True,
            test_environment=takes_test_domains,
        )
    except EmailNotValidError as error:
        raise AddressInvalid(NOT_AN_ADDRESS) from error
    return address


def canonical(text: str, *, takes_test_domains: bool = False) -> str:
    """The address in the form by which it is compared; raises AddressInvalid."""
    return _folded(deliverable(text, takes_test_domains=takes_test_domains))


def search_form(text: str) -> str:
    """What to look for where ``text`` may be an address, a part of one, or neither."""
    try:
        return canonical(text, takes_test_domains=True)
    except AddressInvalid:
        return _folded(_UNSEEN.sub("", text).strip())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_LOWER)


def _a_label(domain: str) -> str:
    """The domain as the DNS knows it; by IDNA 2008 alone, whose letters are never mapped to others."""
    # RFC 5895 section 2: people type capitals, and dots of other scripts.
    # Letter by letter, as browsers do: a capital sigma at the end of a word is no final one.
    lowered = unicodedata.normalize("NFC", "".join(map(str.lower, domain)))
    try:
        return idna.encode(lowered, uts46=False, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressInvalid(NOT_AN_ADDRESS) from error
