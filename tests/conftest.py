"""What every test has: the real servers of the run, and how pytest-xdist hands the tests out."""

from typing import Any

import pytest

from tests.scheduling import ByFile

# The second is what a team installs: the tests of whole systems start theirs by it.
pytest_plugins = ["shared.chassis.testing.plugin", "doorward_testkit.plugin"]
# Its assertions tell what they compared, as those of the tests do.
pytest.register_assert_rewrite("tests.system.journey")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Property tests play the same lines thousands of times, five times as slowly where coverage looks on."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Files instead of single tests; asked for where there are several workers."""
    return ByFile(config, log)
