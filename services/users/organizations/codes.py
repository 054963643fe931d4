"""The token and the code of an invitation: how they are made, and what of them is stored.

Only hashes are stored. The token has 256 random bits, which nobody can try. A code has so few values that its
hash is keyed with the shared secret; older accepted secrets still find it.
"""

import hashlib
import hmac
import secrets
from typing import NamedTuple
from urllib.parse import quote

from flask import current_app

from services.users.settings import UsersSettings
from shared.chassis.sealing import derive_key

CODE_DIGITS = 6
TRIES = 5
PAGE = "join-organization"
_PURPOSE = "organization-invitation"


class CodeAndToken(NamedTuple):
    """The two forms of one invitation: digits to type, and what a link carries."""

    code: str
    token: str


def new_code_and_token() -> CodeAndToken:
    """A fresh pair out of the system's randomness."""
    return CodeAndToken(f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}", secrets.token_urlsafe(32))


def token_hash(token: str) -> str:
    """What is stored for a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def code_hash(email: str, code: str) -> str:
    """What is stored for a code that is mailed to this address."""
    return _keyed(_settings().own_secrets[0], email, code)


def is_code(stored: str, email: str, code: str) -> bool:
    """Whether ``stored`` is the hash of this code, under any accepted secret."""
    return any(hmac.compare_digest(stored, _keyed(secret, email, code)) for secret in _settings().own_secrets)


def link_of(token: str, *, locale: str) -> str:
    """The link that the mail carries, to a page in its language.

    The token stands behind the #: no server, proxy or scanner gets it.
    """
    settings = _settings()
    base = str(settings.links_url or settings.public_url).rstrip("/")
    return f"{base}/{PAGE}?lang={quote(locale)}#token={quote(token)}"


def _keyed(secret: str, email: str, code: str) -> str:
    return hmac.digest(derive_key(secret, _PURPOSE), f"{email}\n{code}".encode(), "sha256").hex()


def _settings() -> UsersSettings:
    settings: UsersSettings = current_app.extensions["doorward_settings"]
    return settings
