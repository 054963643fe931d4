"""What a worker remembers of tokens: no longer than they live, no more than there is room for."""

import pickle
from time import time
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from gateway import tokens
from gateway.policies.access import AccessRule, check_access
from gateway.receipts import Receipts
from gateway.revocations import Revocations
from gateway.tokens import Tokens
from shared.chassis.access import (
    ActiveOrganization,
    Caller,
    OrganizationRoleRequired,
    RoleRequired,
    ScopeRequired,
)
from shared.chassis.access_tokens import TokenExpired, TokenInvalid, TokenMissing, TokenRevoked
from shared.chassis.ids import new_id

ACCOUNT, SESSION = new_id(), new_id()
NOW = int(time())
NO_REDIS = "redis://127.0.0.1:1/0"


def caller_of(account: UUID = ACCOUNT, **changes: Any) -> Caller:
    known = {"account_id": account, "session_id": SESSION, "roles": frozenset(), "scopes": None, "claims": {}}
    return Caller(**{**known, **changes})


class Verifier:
    """Takes the place of the signature: counts how often it is asked, and says how long a token lives."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.lifetimes: dict[bytes, float] = {}
        self.pair = 0

    def __call__(self, name: bytes, authorization: bytes) -> Any:
        self.asked.append(authorization)
        expires_at = int(time() + self.lifetimes.get(authorization, 900))
        return tokens.Identity(
            name, caller_of(), str(SESSION), str(ACCOUNT), int(time()), expires_at, pair=self.pair
        )


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch) -> Verifier:
    verifier = Verifier()
    monkeypatch.setattr(tokens, "_verify", verifier)
    monkeypatch.setattr(tokens, "MOST_REMEMBERED", 4)
    return verifier


@pytest.fixture
def revocations() -> Revocations:
    return Revocations(NO_REDIS)


@pytest.fixture
def known(revocations: Revocations) -> Tokens:
    return Tokens(revocations, SimpleNamespace(on_withdrawal=None), Receipts(NO_REDIS))  # type: ignore[arg-type]


def use(known: Tokens, authorization: bytes) -> None:
    """What a request does that the limits admit."""
    known.remember(known.identify(authorization))


def test_token_is_verified_once(known: Tokens, verifier: Verifier) -> None:
    for _ in range(2):
        use(known, b"Bearer a")

    assert verifier.asked == [b"Bearer a"]


def test_a_pair_is_reported_when_its_token_is_first_seen(
    revocations: Revocations, verifier: Verifier
) -> None:
    reported: list[tuple[str, int]] = []
    receipts: Any = SimpleNamespace(note=lambda *pair: reported.append(pair))
    known = Tokens(revocations, SimpleNamespace(on_withdrawal=None), receipts)  # type: ignore[arg-type]
    verifier.pair = 3

    callers = [known.caller(b"Bearer a") for _ in range(2)]

    assert callers == [caller_of()] * 2
    assert verifier.asked == [b"Bearer a"]
    assert reported == [(str(SESSION), 3)]


def test_only_a_token_that_is_remembered_is_recalled(known: Tokens, verifier: Verifier) -> None:
    use(known, b"Bearer a")

    recalled = [known.recall(authorization) for authorization in (b"Bearer a", b"Bearer b", None)]

    assert recalled == [known.identify(b"Bearer a"), None, None]
    assert verifier.asked == [b"Bearer a"]


def test_token_of_a_request_that_was_not_admitted_is_not_remembered(
    known: Tokens, verifier: Verifier
) -> None:
    for _ in range(2):
        known.identify(b"Bearer a")

    assert verifier.asked == [b"Bearer a"] * 2


def test_no_token_is_kept(known: Tokens, verifier: Verifier) -> None:
    use(known, b"Bearer a")

    assert b"Bearer a" not in pickle.dumps(known._verified)


def test_remembered_token_ends_with_its_time(
    known: Tokens, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(known, b"Bearer a")
    monkeypatch.setattr(tokens, "time", lambda: time() + 901)

    assert known.recall(b"Bearer a") is None
    with pytest.raises(TokenExpired):
        known.identify(b"Bearer a")

    assert known._verified == {}


def test_expired_tokens_make_room_first(
    known: Tokens, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        verifier.lifetimes[b"Bearer brief-%d" % number] = 10
        use(known, b"Bearer brief-%d" % number)
    use(known, b"Bearer living")
    monkeypatch.setattr(tokens, "time", lambda: time() + 11)

    use(known, b"Bearer new")
    verifier.asked.clear()
    use(known, b"Bearer living")

    assert verifier.asked == []


def test_the_older_half_makes_room_where_all_are_alive(known: Tokens, verifier: Verifier) -> None:
    names = [b"Bearer %d" % number for number in range(5)]
    for name in names:
        use(known, name)
    verifier.asked.clear()

    for name in names[2:]:
        use(known, name)
    use(known, names[0])

    assert verifier.asked == [names[0]]


def test_revoked_session_is_refused_though_its_token_is_remembered(
    known: Tokens, revocations: Revocations, verifier: Verifier
) -> None:
    use(known, b"Bearer a")

    revocations.learn(f"session:{SESSION}", time() + 60)

    assert known.recall(b"Bearer a") is None
    with pytest.raises(TokenRevoked):
        known.caller(b"Bearer a")


@pytest.mark.parametrize(
    ("authorization", "error"),
    [(None, TokenMissing), (b"Basic abc", TokenInvalid), (b"Bearer  a.b.c", TokenInvalid)],
)
def test_what_is_no_bearer_token_is_said_to_be_none(
    known: Tokens, authorization: bytes | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        known.caller(authorization)


def test_role_or_scope_that_is_missing_is_named_in_the_challenge() -> None:
    for_admins = AccessRule(roles=frozenset({"admin"}))
    for_senders = AccessRule(scopes=frozenset({"mails:send"}))

    with pytest.raises(RoleRequired) as role:
        check_access(for_admins, caller_of())
    with pytest.raises(ScopeRequired) as scope:
        check_access(for_senders, caller_of(scopes=frozenset({"mails:read"})))

    for_owners = AccessRule(org_roles=frozenset({"owner"}))
    for organization in (None, ActiveOrganization(new_id(), "admin")):
        with pytest.raises(OrganizationRoleRequired):
            check_access(for_owners, caller_of(organization=organization))

    assert 'error="insufficient_scope"' in role.value.headers["WWW-Authenticate"]
    assert 'scope="mails:send"' in scope.value.headers["WWW-Authenticate"]
    check_access(for_admins, caller_of(roles=frozenset({"admin"})))
    check_access(for_senders, caller_of(scopes=frozenset({"mails:send"})))
    check_access(for_owners, caller_of(organization=ActiveOrganization(new_id(), "owner")))
    assert str(for_owners) == "signed in, organization role owner"


@pytest.mark.parametrize(
    ("members", "version", "seconds_ago", "is_dead"),
    [
        ([f"account:{ACCOUNT}:v2"], 1, 0, True),
        ([f"account:{ACCOUNT}:v2"], 2, 1000, False),
        ([f"account:{ACCOUNT}:v3", f"account:{ACCOUNT}:v2"], 2, 0, True),
        # What the release before publishes, and what is published for its gateways.
        ([f"account:{ACCOUNT}:{NOW}"], 2, 1, True),
        ([f"account:{ACCOUNT}:{NOW}"], 1, 0, False),
        ([f"account:{ACCOUNT}:v2", f"account:{ACCOUNT}:0{NOW + 1}"], 2, 0, False),
        ([f"account:{ACCOUNT}:0{NOW + 1}", f"account:{ACCOUNT}:v2"], 1, 0, True),
        ([f"account:{ACCOUNT}:{NOW}", f"account:{ACCOUNT}:v2"], 2, 1, True),
        ([f"account:{ACCOUNT}:v", f"account:{ACCOUNT}:x", f"account:{ACCOUNT}", "other:x"], 1, 0, False),
    ],
)
def test_account_is_signed_out_below_a_version(
    revocations: Revocations, members: list[str], version: int, seconds_ago: int, is_dead: bool
) -> None:
    for member in members:
        revocations.learn(member, time() + 60)

    assert revocations.covers(str(SESSION), str(ACCOUNT), NOW - seconds_ago, version) is is_dead
