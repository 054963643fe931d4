"""The mailbox of the run, and its empty self for each test."""

from collections.abc import Iterator

import pytest

from tests.mailbox_process import Mailbox, running_mailbox


@pytest.fixture(scope="session")
def mailbox_process() -> Iterator[Mailbox]:
    """The mailbox process of the run, small enough to be filled."""
    with running_mailbox(MAILBOX_CAPACITY="300") as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(mailbox_process: Mailbox) -> Mailbox:
    """The mailbox, empty and without faults."""
    mailbox_process.clear()
    return mailbox_process
