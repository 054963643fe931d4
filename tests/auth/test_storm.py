"""A short storm of sign-ins; ``storm`` measures a longer one."""

import pytest

from tests.auth.storm import running_storm

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def test_what_does_not_fit_is_answered_503_and_refreshes_go_on() -> None:
    with running_storm(memory_kib=65_536) as storm:
        seen = storm.watch(seconds=3, sign_ins=40)

    assert set(seen.refreshes) == {200}
    assert seen.sign_ins[503] > 0
    assert set(seen.sign_ins) <= {401, 429, 503}
    assert seen.without_retry_after == 0
