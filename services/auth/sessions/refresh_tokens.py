"""The refresh protocol, pure: what a refresh token is, and what its use means.

A token names its session and its number in it, under a key that is derived for that session alone:

    base64url( version 1 | session id 16 | counter 8 | HMAC-SHA256 32 )

It is derived from auth's own secret, so the database holds nothing that could be used. Each use makes the
next number the current one. A number that was superseded a moment ago yields the current pair again, so
that tabs which refresh at once all end up with the same one. So does, however late, the number before the
current one while nothing says that the current pair reached its client: the answer was lost on the way. Any
other superseded number is a theft (RFC 9700 section 4.14.2).
"""

import base64
import binascii
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from services.auth.models.sessions import MILESTONES_IN_GRACE
from shared.chassis.sealing import derive_key

VERSION = b"\x01"
_COUNTER_BYTES = 8
_BODY_BYTES = 1 + 16 + _COUNTER_BYTES
_MAC_BYTES = 32


class NotARefreshToken(Exception):
    """The text was not written by us."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a genuine token says."""

    session_id: UUID
    counter: int


class RefreshTokens:
    """Writes tokens under the current secret and reads those of every accepted one."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [derive_key(secret, "refresh-token") for secret in secrets]

    def write(self, token: RefreshToken) -> str:
        """The token as text; the same token always gives the same text."""
        body = VERSION + token.session_id.bytes + token.counter.to_bytes(_COUNTER_BYTES, "big")
        return _encode(body + _mac(self._keys[0], body))

    def read(self, text: str) -> RefreshToken:
        """What the token says; raises NotARefreshToken."""
        raw = _decode(text)
        body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if body[:1] != VERSION or len(mac) != _MAC_BYTES:
            raise NotARefreshToken
        # All keys are tried, so that the time says nothing about which one fits.
        if not any([hmac.compare_digest(_mac(key, body), mac) for key in self._keys]):
            raise NotARefreshToken
        return RefreshToken(UUID(bytes=body[1:17]), int.from_bytes(body[17:], "big"))


def _mac(key: bytes, body: bytes) -> bytes:
    session_key = hmac.digest(key, body[1:17], "sha256")
    return hmac.digest(session_key, body, "sha256")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotARefreshToken from error
    if _encode(raw) != text:  # one token, one spelling
        raise NotARefreshToken
    return raw


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things last."""

    absolute: timedelta
    idle: timedelta
    grace: timedelta


class SessionState(Protocol):
    """What decides over a token, as the database has it."""

    @property
    def counter(self) -> int: ...
    @property
    def rotations(self) -> Sequence[float]: ...
    @property
    def milestones(self) -> Sequence[float]: ...
    @property
    def received(self) -> int: ...
    @property
    def last_used_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def is_ended(self) -> bool: ...


class Verdict(Enum):
    """What the use of a genuine token means."""

    ROTATE = auto()  # it is the current one: make the next
    CONVERGE = auto()  # it was superseded a moment ago: answer with the current one
    UNRECEIVED = auto()  # it was superseded long ago, and nothing says that its successor was received
    REUSED = auto()  # its successor was received long ago: end the session
    EXPIRED = auto()
    REVOKED = auto()


def judge(counter: int, state: SessionState, *, now: datetime, lifetimes: Lifetimes) -> Verdict:
    """What the use of the token with number ``counter`` means."""
    if state.is_ended or counter > state.counter:
        return Verdict.REVOKED
    if now >= state.expires_at or now >= state.last_used_at + lifetimes.idle:
        return Verdict.EXPIRED
    if counter == state.counter:
        return Verdict.ROTATE
    grace_seconds = lifetimes.grace.total_seconds()
    if now.timestamp() - _superseded_at(counter, state, grace_seconds) <= grace_seconds:
        return Verdict.CONVERGE
    if counter == state.counter - 1 and state.received < state.counter:
        return Verdict.UNRECEIVED
    return Verdict.REUSED


def _superseded_at(counter: int, state: SessionState, grace_seconds: float) -> float:
    """When the number after ``counter`` became the current one, in unix seconds.

    It is exact for the latest; for earlier ones it is late by up to the distance of two milestones.
    """
    rotations_ago = state.counter - counter - 1
    if rotations_ago < len(state.rotations):
        return state.rotations[rotations_ago]
    for number, at in zip(state.milestones[::2], state.milestones[1::2], strict=True):
        if number <= counter + 1:
            return at + grace_seconds / MILESTONES_IN_GRACE
    return -math.inf
