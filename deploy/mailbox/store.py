"""The mails that are kept: bounded by number and by bytes, safe to use from threads."""

import threading
from collections import deque

from deploy.mailbox.archive import Archive
from deploy.mailbox.mail import Mail
from shared.chassis.ids import new_id


class Store:
    """The newest mails, each exactly as often as it was received: nothing is merged or dropped."""

    def __init__(self, *, capacity: int, capacity_bytes: int, archive: Archive | None = None) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._archive = archive or Archive(None)
        self._mails: deque[Mail] = deque(self._archive.load())
        self._bytes = sum(len(mail.content) for mail in self._mails)
        self._start = new_id().hex
        self._changes = 0
        self._lock = threading.Lock()

    @property
    def revision(self) -> str:
        """Another text whenever another mail is kept or forgotten, also after a restart."""
        return f"{self._start}-{self._changes}"

    def add(self, mail: Mail) -> None:
        """Keep ``mail``, and forget the oldest where that is too much."""
        with self._lock:
            self._archive.save(mail)
            self._mails.append(mail)
            self._bytes += len(mail.content)
            self._changes += 1
            while len(self._mails) > 1 and self._is_too_full():
                forgotten = self._mails.popleft()
                self._bytes -= len(forgotten.content)
                self._archive.forget(forgotten)

    def newest(self, *, to: str | None = None, limit: int) -> list[Mail]:
        """At most ``limit`` mails, the newest first; only those to ``to`` where that is given."""
        with self._lock:
            mails = list(self._mails)
        wanted = (mail for mail in reversed(mails) if to is None or mail.is_to(to))
        return [mail for mail, _ in zip(wanted, range(limit), strict=False)]

    def find(self, mail_id: str) -> Mail | None:
        """The mail with that id; None where it is not kept."""
        with self._lock:
            return next((mail for mail in self._mails if mail.id == mail_id), None)

    def clear(self) -> None:
        """Forget every mail."""
        with self._lock:
            for mail in self._mails:
                self._archive.forget(mail)
            self._mails.clear()
            self._bytes = 0
            self._changes += 1

    def _is_too_full(self) -> bool:
        return len(self._mails) > self._capacity or self._bytes > self._capacity_bytes
