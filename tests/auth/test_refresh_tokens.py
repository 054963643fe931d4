"""The refresh protocol without a database: what a token says, and what its use means."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.sessions.refresh_tokens import (
    Lifetimes,
    NotARefreshToken,
    RefreshToken,
    RefreshTokens,
    Verdict,
    judge,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIMES = Lifetimes(absolute=timedelta(days=30), idle=timedelta(days=7), grace=timedelta(seconds=30))
OLD, NEW = "an-older-secret-0123456789-0123456789", "a-newer-secret-0123456789-0123456789"
TOKENS = RefreshTokens([NEW])


@dataclass(frozen=True)
class State:
    """A session as the database might have it."""

    counter: int
    rotations: list[float]
    milestones: list[float]
    received: int
    last_used_at: datetime
    expires_at: datetime
    is_ended: bool


def state(
    counter: int = 5,
    *,
    ago: tuple[float, ...] = (),
    milestones: tuple[tuple[int, float], ...] = (),
    received: int | None = None,
    used_days_ago: float = 0,
    days_left: float = 10,
    is_ended: bool = False,
) -> State:
    return State(
        counter=counter,
        rotations=[NOW.timestamp() - seconds for seconds in ago],
        milestones=[part for number, ago in milestones for part in (number, NOW.timestamp() - ago)],
        received=counter if received is None else received,
        last_used_at=NOW - timedelta(days=used_days_ago),
        expires_at=NOW + timedelta(days=days_left),
        is_ended=is_ended,
    )


@given(session_id=st.uuids(), counter=st.integers(0, 2**63))
def test_what_was_written_is_read(session_id: UUID, counter: int) -> None:
    token = RefreshToken(session_id, counter)

    assert TOKENS.read(TOKENS.write(token)) == token


@given(place=st.integers(0, 70), mark=st.sampled_from("ABCxyz019-_"))
def test_token_with_any_mark_changed_is_refused(place: int, mark: str) -> None:
    text = TOKENS.write(RefreshToken(UUID(int=7), 1))
    changed = text[:place] + mark + text[place + 1 :]
    if changed == text:
        return

    with pytest.raises(NotARefreshToken):
        TOKENS.read(changed)


@given(text=st.text(max_size=120))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(NotARefreshToken):
        TOKENS.read(text)


def test_token_of_an_accepted_older_secret_is_read_and_another_is_not() -> None:
    token = RefreshToken(uuid4(), 3)

    assert RefreshTokens([NEW, OLD]).read(RefreshTokens([OLD]).write(token)) == token
    with pytest.raises(NotARefreshToken):
        RefreshTokens([NEW]).read(RefreshTokens([OLD]).write(token))


@pytest.mark.parametrize(
    ("counter", "session", "verdict"),
    [
        (5, state(), Verdict.ROTATE),
        (4, state(ago=(0,)), Verdict.CONVERGE),
        (4, state(ago=(30,)), Verdict.CONVERGE),
        (4, state(ago=(30.5,)), Verdict.REUSED),
        (3, state(ago=(1, 29)), Verdict.CONVERGE),
        (3, state(ago=(1, 31)), Verdict.REUSED),
        (1, state(ago=(1,)), Verdict.REUSED),
        # More refreshes than have an exact time: the milestone before says until when it was current at most.
        (1, state(90, ago=(0,) * 16, milestones=((80, 1), (2, 28)), received=90), Verdict.CONVERGE),
        (1, state(90, ago=(0,) * 16, milestones=((80, 1), (2, 31.8)), received=90), Verdict.CONVERGE),
        (1, state(90, ago=(0,) * 16, milestones=((80, 1), (2, 32)), received=90), Verdict.REUSED),
        (1, state(90, ago=(0,) * 16, milestones=((80, 1), (3, 28)), received=90), Verdict.REUSED),
        (78, state(99, ago=(0,) * 16, milestones=((80, 1), (2, 40)), received=99), Verdict.REUSED),
        (79, state(99, ago=(0,) * 16, milestones=((80, 1), (2, 40)), received=99), Verdict.CONVERGE),
        # Its successor may be lost on the way.
        (4, state(ago=(31,), received=4), Verdict.UNRECEIVED),
        (4, state(ago=(10**6,), received=0), Verdict.UNRECEIVED),
        (4, state(ago=(31,), received=5), Verdict.REUSED),
        (3, state(ago=(40, 50), received=0), Verdict.REUSED),
        (4, state(ago=(31,), received=4, is_ended=True), Verdict.REVOKED),
        (4, state(ago=(31,), received=4, days_left=-1), Verdict.EXPIRED),
        (5, state(used_days_ago=7), Verdict.EXPIRED),
        (5, state(days_left=0), Verdict.EXPIRED),
        (4, state(ago=(0,), days_left=-1), Verdict.EXPIRED),
        (5, state(is_ended=True), Verdict.REVOKED),
        (1, state(is_ended=True), Verdict.REVOKED),
        (6, state(), Verdict.REVOKED),
    ],
)
def test_use_of_a_token_means(counter: int, session: State, verdict: Verdict) -> None:
    assert judge(counter, session, now=NOW, lifetimes=LIFETIMES) is verdict
