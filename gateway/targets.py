"""The request target, judged as the bytes that arrived: one string is routed, authorised and forwarded.

Nothing is normalised. A path that two programs could read differently is refused with 400, since the
gateway might authorise one reading and the upstream serve the other (CVE-2021-43557, CVE-2019-9901).
"""

import re
from urllib.parse import unquote_to_bytes

from shared.chassis import errors

LONGEST_TARGET = 8_000

# One look over the usual path decides: only unreserved characters, sub-delims without ``;``, ``:`` and
# ``@`` (RFC 3986 section 3.3), no empty segment and no segment that begins with a dot.
_PLAIN_PATH = re.compile(rb"(?:/(?!\.)[A-Za-z0-9._~!$&'()*+,=:@-]+)+/?|/")
_WELL_KNOWN = b"/.well-known/"
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_PATH = re.compile(rb"/(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(rb"[!-\x22\x24-~]*")
# What must not hide behind a percent sign: controls, dot, slash, backslash, semicolon, percent, DEL.
_AMBIGUOUS = frozenset([*range(0x20), ord("."), ord("/"), ord("\\"), ord(";"), ord("%"), 0x7F])


class UnsafeTarget(errors.ApiError):
    """The path could be read in more than one way."""

    status = 400
    code = "unsafe_path"
    detail = "The path has empty or dot segments, a semicolon or backslash, or encodes what it must not."


class TargetTooLong(errors.ApiError):
    """The request target is longer than any of ours."""

    status = 414
    code = "uri_too_long"
    detail = "The request target is too long."


def check(raw_path: bytes, query: bytes) -> None:
    """Raise UnsafeTarget or TargetTooLong unless everybody reads this target alike."""
    if len(raw_path) + len(query) > LONGEST_TARGET:
        raise TargetTooLong
    if _PLAIN_PATH.fullmatch(raw_path) is None and not _is_unambiguous(raw_path):
        raise UnsafeTarget
    if query and _QUERY.fullmatch(query) is None:
        raise UnsafeTarget("The query has characters that must be percent-encoded.")


def _is_unambiguous(raw_path: bytes) -> bool:
    if _PATH.fullmatch(raw_path) is None or b"//" in raw_path:
        return False
    if any(int(digits, 16) in _AMBIGUOUS for digits in _ENCODED.findall(raw_path)):
        return False
    try:
        unquote_to_bytes(raw_path).decode()  # overlong UTF-8 hides dots and slashes
    except UnicodeDecodeError:
        return False
    path = raw_path.removeprefix(b"/.well-known") if raw_path.startswith(_WELL_KNOWN) else raw_path
    return not any(segment in {b".", b".."} for segment in path.split(b"/"))
