"""With a folder, the mailbox's mails outlive a restart."""

from pathlib import Path

import pytest

from deploy.mailbox.archive import Archive
from deploy.mailbox.mail import Mail
from deploy.mailbox.store import Store


def new_store(folder: Path, *, capacity: int = 10) -> Store:
    """A store over what the folder holds, as after a start of the mailbox."""
    return Store(capacity=capacity, capacity_bytes=10_000, archive=Archive(folder))


@pytest.fixture
def mail() -> Mail:
    """A mail with bytes that are no text."""
    return Mail.receive("from@example.org", ["a@example.org", "b@example.org"], b"Subject: x\r\n\r\n\xff\n")


def test_a_restart_keeps_every_mail_as_it_was(tmp_path: Path, mail: Mail) -> None:
    new_store(tmp_path).add(mail)

    assert new_store(tmp_path).newest(limit=10) == [mail]


def test_mails_keep_their_order_over_a_restart(tmp_path: Path) -> None:
    mails = [Mail.receive("from@example.org", ["to@example.org"], b"%d" % number) for number in range(5)]
    store = new_store(tmp_path)
    for mail in mails:
        store.add(mail)

    assert new_store(tmp_path).newest(limit=10) == mails[::-1]


def test_what_was_deleted_stays_deleted(tmp_path: Path, mail: Mail) -> None:
    store = new_store(tmp_path)
    store.add(mail)

    store.clear()

    assert new_store(tmp_path).newest(limit=10) == []


def test_what_had_to_make_room_is_gone_from_the_folder_too(tmp_path: Path, mail: Mail) -> None:
    store = new_store(tmp_path, capacity=1)
    newer = Mail.receive("from@example.org", ["to@example.org"], b"newer")

    store.add(mail)
    store.add(newer)

    assert new_store(tmp_path).newest(limit=10) == [newer]
