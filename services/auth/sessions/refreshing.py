"""Refreshing: a client gets the next pair or the current one, or a session ends whose token was copied."""

import math
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import (
    RefreshTokenExpired,
    RefreshTokenInvalid,
    RefreshTokenReused,
    SessionRevoked,
)
from services.auth.mail import outgoing
from services.auth.models import db
from services.auth.sessions import organizations, sessions
from services.auth.sessions.access_tokens import TokenPair, pair_of
from services.auth.sessions.refresh_tokens import NotARefreshToken, RefreshToken, Verdict, judge
from services.auth.store import accounts
from services.auth.store import sessions as store
from services.auth.store.sessions import Standing
from shared.chassis.clock import utcnow
from shared.chassis.database import single_statements, transaction
from shared.chassis.logs import get_logger

log = get_logger(__name__)


def read_token(text: str) -> RefreshToken:
    """What a refresh token says; raises RefreshTokenInvalid where it is not ours."""
    try:
        return deps().refresh_tokens.read(text)
    except NotARefreshToken as error:
        raise RefreshTokenInvalid from error


class Choice(NamedTuple):
    """The organization that a client wants its session to work for from now on; None: for none."""

    organization_id: UUID | None


def refresh(text: str, client: Client, choice: Choice | None = None) -> TokenPair:
    """Exchange a refresh token for the current pair; raises the errors of a token that is not worth one.

    With a choice of an organization, OrganizationNotJoined too: then the token serves as before.
    """
    token = read_token(text)
    if choice is not None:
        organizations.require_choice(token.session_id, choice.organization_id)
    now = utcnow()
    standing = _standing_after(token, client, now)
    if choice is not None:
        standing = organizations.choose(token.session_id, choice.organization_id)
    return pair_of(standing, now)


def _standing_after(token: RefreshToken, client: Client, now: datetime) -> Standing:
    """The session once the token has served."""
    lifetimes = deps().lifetimes
    with single_statements(db):
        rotated = store.rotate(
            token.session_id,
            token.counter,
            now=now,
            idle_since=now - lifetimes.idle,
            grace=lifetimes.grace,
            ip=client.ip,
            user_agent=client.user_agent,
        )
        standing = rotated or store.find_standing(token.session_id)
    if rotated is not None:
        return rotated
    if standing is None:
        raise SessionRevoked
    return _refresh_superseded(token, standing, client, now)


def _refresh_superseded(token: RefreshToken, standing: Standing, client: Client, now: datetime) -> Standing:
    verdict = judge(token.counter, standing, now=now, lifetimes=deps().lifetimes)
    if verdict is Verdict.UNRECEIVED:
        standing, is_certain = _with_last_report(standing)
        verdict = judge(token.counter, standing, now=now, lifetimes=deps().lifetimes)
        if verdict is Verdict.UNRECEIVED and not is_certain:
            _note_uncertainty(standing)
    match verdict:
        case Verdict.CONVERGE | Verdict.UNRECEIVED:
            return standing
        case Verdict.EXPIRED:
            raise RefreshTokenExpired
        case Verdict.REUSED:
            _punish_reuse(standing, client, now)
            raise RefreshTokenReused
    raise SessionRevoked


def _with_last_report(standing: Standing) -> tuple[Standing, bool]:
    """The session with what the gateways have reported last, and whether that is all there is to know."""
    report = deps().receipts.find(standing.session_id)
    with single_statements(db):
        # Read after the report: what the relay moves meanwhile is in one of the two.
        current = store.find_standing(standing.session_id)
    if current is None:
        raise SessionRevoked
    is_certain = report.complete_since < math.floor(current.rotations[0])
    return replace(current, received=max(current.received, report.number)), is_certain


def _note_uncertainty(standing: Standing) -> None:
    """A copied token would look the same: the client gets its pair, and operators may look at it."""
    account_id, session_id = standing.account_id, str(standing.session_id)
    with transaction(db):
        audit.record("refresh_receipt_unknown", account_id=account_id, session_id=session_id)
    log.warning("refresh_receipt_unknown", account_id=account_id, session_id=session_id)


def _punish_reuse(standing: Standing, client: Client, now: datetime) -> None:
    """Somebody holds a copy of a token: whoever it is, the session ends, and the owner hears of it."""
    with transaction(db):
        if not sessions.end_copied(standing.session_id, now):
            return
        account = accounts.find(standing.account_id)
        if account is not None:
            outgoing.send_warning("refresh_token_reused", account, client, now)
        session_id = str(standing.session_id)
        audit.record("refresh_token_reused", account_id=standing.account_id, session_id=session_id)
    log.warning("refresh_token_reused", account_id=standing.account_id, session_id=session_id)


def sign_out_by_refresh_token(text: str) -> None:
    """End the session of a refresh token, superseded or not; harmless where it has ended.

    Raises RefreshTokenInvalid.
    """
    token = read_token(text)
    with transaction(db):
        standing = store.find_standing(token.session_id)
    if standing is not None:
        sessions.sign_out(standing.account_id, standing.session_id)
