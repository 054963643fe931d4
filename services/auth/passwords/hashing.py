"""Password hashes: argon2id in a bounded pool, so that a rush of sign-ins cannot eat the machine.

argon2 computes outside the interpreter's lock: a slot of the pool is one core for some tens of
milliseconds and the memory that the settings name. Who finds every place taken is answered 503.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.auth.codes import new_token
from services.auth.errors import PasswordHashingBusy
from services.auth.passwords import foreign_hashes
from services.auth.passwords.foreign_hashes import HashNotSupported
from services.auth.passwords.policy import normalised
from services.auth.settings import AuthSettings

LONGEST_WAIT_SECONDS = 10
OWN_PREFIX = "$argon2id$"


class HashPool:
    """Has ``places``, in which ``at_once`` threads compute and others wait; who finds none is refused.

    There are fewer places than threads, so that a storm of sign-ins leaves threads for everything else.
    """

    def __init__(
        self, *, at_once: int, places: int, longest_wait_seconds: float = LONGEST_WAIT_SECONDS
    ) -> None:
        self._lock = threading.Lock()
        self._places = places
        self._mine = threading.local()
        self._free = at_once
        self._waiting: deque[threading.Event] = deque()
        self._longest_wait_seconds = longest_wait_seconds

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place, unless this thread has one; raises PasswordHashingBusy."""
        if getattr(self._mine, "is_taken", False):
            yield
            return
        with self._lock:
            if not self._places:
                raise PasswordHashingBusy
            self._places -= 1
        self._mine.is_taken = True
        try:
            yield
        finally:
            self._mine.is_taken = False
            with self._lock:
                self._places += 1

    def require_place(self) -> None:
        """Raise PasswordHashingBusy where no place is free at this moment."""
        with self._lock:
            if not self._places:
                raise PasswordHashingBusy

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Compute within, in a place, when it is one's turn; raises PasswordHashingBusy."""
        turn = self._enter()
        if turn is not None and not turn.wait(self._longest_wait_seconds) and self._give_up(turn):
            raise PasswordHashingBusy
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> threading.Event | None:
        """Take a free slot (None), or get in line: what says when it is one's turn."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            turn = threading.Event()
            self._waiting.append(turn)
            return turn

    def _give_up(self, turn: threading.Event) -> bool:
        """Leave the queue; False where one's turn came at the last moment."""
        with self._lock:
            if turn.is_set():
                return False
            self._waiting.remove(turn)
            return True

    def _leave(self) -> None:
        """Hand the slot to whoever waits longest: nobody who comes just now gets ahead."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class Passwords:
    """Hashes and checks passwords with the parameters of the settings."""

    def __init__(self, settings: AuthSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.password_hash_iterations,
            memory_cost=settings.password_hash_memory_kib,
            parallelism=settings.password_hash_parallelism,
        )
        at_once = settings.password_hashes_at_once or share_of_cores(settings.workers)
        self._pool = HashPool(at_once=at_once, places=settings.password_hash_places)
        self._nobodys_hash = self._hasher.hash(new_token())

    @property
    def parameters(self) -> str:
        """What new hashes are made with, as it stands in them."""
        return self._nobodys_hash.split("$")[3]

    def place(self) -> AbstractContextManager[None]:
        """A place in the pool for all that follows; raises PasswordHashingBusy where none is free."""
        return self._pool.place()

    def require_place(self) -> None:
        """Raise PasswordHashingBusy where no place is free at this moment."""
        self._pool.require_place()

    def hash(self, password: str, *, salt: bytes | None = None) -> str:
        """What to store for ``password``; raises PasswordHashingBusy."""
        with self._pool.place(), self._pool.slot():
            return self._hasher.hash(normalised(password), salt=salt)

    def is_right(self, password: str, stored: str | None, *, at_least_seconds: float = 0.0) -> bool:
        """Whether ``password`` is the one stored. None is never right, and takes just as long.

        A wrong one takes ``at_least_seconds``, which hides that some hashes are another system's.
        """
        begun = time.monotonic()
        with self._pool.place():
            # The same work for unknown accounts, so that time reveals nothing.
            is_match = self._matches(password, stored or self._nobodys_hash)
            if is_match and stored is not None:
                return True
            time.sleep(max(0.0, begun + at_least_seconds - time.monotonic()))
        return False

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash is another system's, or was made with other parameters than today's."""
        return not is_own(stored) or self._hasher.check_needs_rehash(stored)

    def _matches(self, password: str, stored: str) -> bool:
        with self._pool.slot(), suppress(VerificationError, InvalidHashError, HashNotSupported):
            if is_own(stored):
                return self._hasher.verify(stored, normalised(password))
            return _matches_foreign(password, stored)
        return False


def _matches_foreign(password: str, stored: str) -> bool:
    """Another system hashed what was typed; another Doorward what it normalised."""
    foreign = foreign_hashes.parse(stored)
    spellings = dict.fromkeys((password, normalised(password)))
    return any(foreign.matches(spelling.encode()) for spelling in spellings)


def share_of_cores(processes: int) -> int:
    """How many cores one of so many processes keeps busy: with more, they contend for the caches."""
    return max(1, len(os.sched_getaffinity(0)) // processes)


def is_own(stored: str) -> bool:
    """Whether the hash is argon2id's, as we make them."""
    return stored.startswith(OWN_PREFIX)
