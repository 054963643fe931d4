"""Looks for secrets in what processes wrote, however they may have been spelled there."""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

CODE = re.compile(r"\d{6}")


def find(secrets: Iterable[str], text: str) -> list[str]:
    """The secrets that stand in the text: as they are, percent-encoded, in JSON, in base64 or in hex."""
    return [secret for secret in sorted(set(secrets)) if _stands_in(secret, text)]


def _stands_in(secret: str, text: str) -> bool:
    if CODE.fullmatch(secret):
        # Six digits may be a part of an identifier or of a number; a code stands alone.
        return re.search(rf"(?<![\w.:-]){secret}(?![\w.:-])", text) is not None
    lowered = text.casefold()
    return any(form in text or form.casefold() in lowered for form in _spellings(secret))


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    plain = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], raw.hex()}
    return plain | {inner for offset in range(3) for inner in _in_base64(raw, offset)}


def _in_base64(raw: bytes, offset: int) -> set[str]:
    """What is the same in every base64 of a text in which the secret begins at that place of three bytes."""
    first = -offset % 3
    whole = raw[first : first + (len(raw) - first) // 3 * 3]
    return {base64.b64encode(whole).decode(), base64.urlsafe_b64encode(whole).decode()}
