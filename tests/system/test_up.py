"""The newcomer's way against `doorward up`, which needs no Docker and no server."""

from collections.abc import Iterator

import pytest

from tests.deploy.conftest import Runner
from tests.system import readme
from tests.system.journey import Journey

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A runner that is ready, on free ports and a folder of its own."""
    runner = Runner(tmp_path_factory.mktemp("up") / "data")
    runner.start_until_ready()
    yield runner
    runner.stop()


def mailbox_url(runner: Runner) -> str:
    """Where this runner's mails can be read."""
    return f"http://127.0.0.1:{runner.state['environment']['MAILBOX_PORT']}"


def test_the_readme_s_journey_works_as_it_stands(runner: Runner) -> None:
    printed = readme.journey(runner.gateway_url, mailbox_url(runner))

    assert '"status": "verification_sent"' in printed
    assert '"timezone": "Europe/London"' in printed


def test_an_account_is_still_there_after_a_stop_and_a_start(runner: Runner) -> None:
    traveller = Journey(runner.gateway_url, mailbox_url(runner))

    def start_again_after(step: str) -> None:
        if step == "change_profile":
            assert runner.stop() == 0
            runner.start_until_ready()

    traveller.walk(between=start_again_after)
