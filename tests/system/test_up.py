"""The newcomer's way against `doorward up`, which needs no Docker and no server."""

from collections.abc import Iterator

import pytest

from tests.deploy.conftest import Runner
from tests.system.journey import Journey

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("system"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A runner that is ready, on free ports and a folder of its own."""
    runner = Runner(tmp_path_factory.mktemp("up") / "data")
    runner.start_until_ready()
    yield runner
    runner.stop()


def new_journey(runner: Runner) -> Journey:
    """A newcomer at this runner's gateway."""
    mailbox_port = runner.state["environment"]["MAILBOX_PORT"]
    return Journey(runner.gateway_url, f"http://127.0.0.1:{mailbox_port}")


def test_a_newcomer_walks_the_whole_way(runner: Runner) -> None:
    new_journey(runner).walk()


def test_an_account_is_still_there_after_a_stop_and_a_start(runner: Runner) -> None:
    traveller = new_journey(runner)

    def start_again_after(step: str) -> None:
        if step in {"verify", "change_profile"}:
            assert runner.stop() == 0
            runner.start_until_ready()

    traveller.walk(between=start_again_after)
