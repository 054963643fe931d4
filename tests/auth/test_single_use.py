"""The proof that what serves once serves once: fifty at the same instant, over four processes; one wins.

A refresh token, whose users all end up with one and the same next one, is in ``test_races``.
"""

from collections import Counter
from pathlib import Path

import pytest

from services.auth.settings import AuthSettings
from tests.auth.conftest import AUTH, Mailbox, NewPerson
from tests.auth.crowd import Crowd, statuses
from tests.auth.processes import environment, serving
from tests.auth.things import CONSUMERS, THINGS, Strike

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def test_of_fifty_that_use_a_thing_at_once_one_wins(
    settings: AuthSettings, redis_url: str, new_account: NewPerson, mailbox: Mailbox, tmp_path: Path
) -> None:
    environ = environment(
        database_url=settings.database_url.get_secret_value(),
        redis_url=redis_url,
        AUTH_FREE_FAILED_SIGN_INS="1000",  # no count of failures stops any of the crowd
        AUTH_CODE_TRIES="10",
    )
    wrong: dict[str, Counter[int]] = {}

    with serving(environ, tmp_path / "auth.log") as url, Crowd(CONSUMERS) as crowd:
        for number, (name, make) in enumerate(THINGS.items()):
            strike = make(new_account(f"ada{number}@example.org"), mailbox)
            found = statuses(crowd.strike(f"{url}{AUTH}/{strike.path}", strike.bodies, strike.token))
            if not _has_one_winner(strike, found):
                wrong[name] = found

    assert wrong == {}


def _has_one_winner(strike: Strike, found: Counter[int]) -> bool:
    return found[strike.wins] == 1 and set(found) <= {strike.wins, *strike.loses}
