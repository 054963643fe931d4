"""The request target: refused where programs could read it differently, else judged as they read it.

If the gateway authorised one reading and the upstream served the other, a request could get around every
rule (CVE-2021-43557, CVE-2019-9901). A percent-encoded letter is that letter to every service, so the table
is searched with it decoded; the bytes that are forwarded stay those of the client.
"""

import re
from urllib.parse import unquote_to_bytes

from shared.chassis import errors

LONGEST_TARGET = 8_000

# One look over the usual path decides: only unreserved characters, sub-delims without ``;``, ``:`` and
# ``@`` (RFC 3986 section 3.3), no empty segment and no segment that begins with a dot.
_PLAIN_PATH = re.compile(rb"(?:/(?!\.)[A-Za-z0-9._~!$&'()*+,=:@-]+)+/?|/")
_WELL_KNOWN = b"/.well-known/"
_PERCENT = ord("%")  # as a number, as in shared.serving.scopes
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_PATH = re.compile(rb"/(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(rb"[!-\x22\x24-~]*")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# What must not hide behind a percent sign: controls, dot, slash, backslash, semicolon, percent, DEL.
_AMBIGUOUS = frozenset([*range(0x20), ord("."), ord("/"), ord("\\"), ord(";"), ord("%"), 0x7F])


class UnsafeTarget(errors.ApiError):
    """The path is ambiguous: services could interpret it in different ways."""

    status = 400
    code = "unsafe_path"
    detail = "The path has empty or dot segments, a semicolon, a backslash or a forbidden encoding."


class TargetTooLong(errors.ApiError):
    """The request target is too long."""

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


def reading(raw_path: bytes) -> bytes:
    """The path as every program compares it: unreserved characters decoded (RFC 3986 section 6.2.2.2)."""
    return _ENCODED.sub(_decoded, raw_path) if _PERCENT in raw_path else raw_path


def folded(raw_path: bytes) -> bytes:
    """The path as a program compares it that takes capital and small letters for the same.

    By both ways of folding, since "\u0131" becomes an ASCII letter in capitals and "\u212a" in small letters.
    """
    return unquote_to_bytes(raw_path).decode(errors="replace").upper().casefold().encode()


def without_last_slash(path: bytes) -> bytes:
    """The path without one slash at its end: most frameworks take both forms for the same."""
    return path[:-1] if path.endswith(b"/") and len(path) > 1 else path


def _decoded(encoded: re.Match[bytes]) -> bytes:
    octet = int(encoded[1], 16)
    return bytes([octet]) if octet in _UNRESERVED else encoded[0].upper()


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
