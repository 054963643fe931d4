"""Switches that make the mailbox a bad mail server, for tests of how senders cope."""

import random
import threading
import time
from collections import deque
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# The moments of a delivery at which something may go wrong, in their order. `after_data` is the one
# whose outcome the sender cannot know: the mail is kept, and the answer never comes.
Moment = Literal["connect", "mail", "rcpt", "data", "after_data"]


class Switches(BaseModel):
    """What goes wrong, and how often. The default is a server without faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reject_rate: float = Field(0, ge=0, le=1, description="The share that is refused at `reject_at`.")
    reject_at: Literal["connect", "mail", "rcpt", "data"] = "rcpt"
    reject_code: int = Field(451, ge=400, le=599, description="4xx: try again; 5xx: never.")
    reject_text: str = Field(
        "refused by the mailbox's chaos switch",
        pattern=r"^[ -~]{1,200}$",
        description="What stands behind the code, as `4.2.0 greylisted, try again in 300 seconds`.",
    )
    is_full: bool = Field(False, description="Every recipient's mailbox is full: `552 5.2.2` at `rcpt`.")
    mails_a_minute: int | None = Field(
        None, ge=0, description="What comes faster is refused at `mail` with `450 4.7.1` and a hint."
    )
    hang_at: Moment | None = Field(
        None, description="Where no answer comes until the switches change, and nothing is cut."
    )
    delay_seconds: float = Field(0, ge=0, le=300, description="How long the answer at `delay_at` takes.")
    delay_at: Moment = "after_data"
    drop_at: Moment | None = Field(None, description="Where the connection is cut without an answer.")
    drop_rate: float = Field(1, ge=0, le=1, description="The share that is cut at `drop_at`.")
    only_to: str | None = Field(
        None,
        min_length=1,
        description="From `rcpt` on, only mail to this address, or to this `@domain`, suffers.",
    )
    times: int | None = Field(None, ge=0, description="How many times a reject or a drop happens.")


class Chaos:
    """The switches as they stand now, and the dice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: int | None = None
        self._began: deque[float] = deque()
        self.switches = Switches()

    def set(self, switches: Switches) -> None:
        """Turn the switches."""
        with self._lock:
            self.switches = switches
            self._left = switches.times
            self._began.clear()

    def delay(self, moment: Moment, recipients: list[str]) -> float:
        """The seconds that the answer takes at ``moment``."""
        switches = self.switches
        if switches.delay_at == moment and self._concerns(recipients, moment):
            return switches.delay_seconds
        return 0

    def hangs(self, moment: Moment, recipients: list[str]) -> bool:
        """Whether the answer at ``moment`` never comes."""
        return self.switches.hang_at == moment and self._concerns(recipients, moment)

    def rejection(self, moment: Moment, recipients: list[str]) -> str | None:
        """The refusal at ``moment``; None where there is none."""
        switches = self.switches
        if moment == "rcpt" and switches.is_full and self._concerns(recipients, moment):
            return "552 5.2.2 mailbox full"
        if moment == "mail" and self._is_too_fast():
            return "450 4.7.1 too many mails, try again in 60 seconds"
        if switches.reject_at != moment or not self._happens(switches.reject_rate, recipients, moment):
            return None
        return f"{switches.reject_code} {switches.reject_text}"

    def drops(self, moment: Moment, recipients: list[str]) -> bool:
        """Whether the connection is cut at ``moment``."""
        switches = self.switches
        return switches.drop_at == moment and self._happens(switches.drop_rate, recipients, moment)

    def _concerns(self, recipients: list[str], moment: Moment) -> bool:
        only_to = self.switches.only_to
        if only_to is None or moment in {"connect", "mail"}:
            return True
        wanted, names = only_to.casefold(), [recipient.casefold() for recipient in recipients]
        return wanted in names or (wanted[0] == "@" and any(name.endswith(wanted) for name in names))

    def _is_too_fast(self) -> bool:
        """Whether this mail is one too many within a minute; one that is not counts."""
        most = self.switches.mails_a_minute
        if most is None:
            return False
        with self._lock:
            now = time.monotonic()
            while self._began and self._began[0] <= now - 60:
                self._began.popleft()
            if len(self._began) >= most:
                return True
            self._began.append(now)
        return False

    def _happens(self, rate: float, recipients: list[str], moment: Moment) -> bool:
        if not self._concerns(recipients, moment) or random.random() >= rate:  # noqa: S311
            return False
        with self._lock:
            if self._left is not None:
                if self._left == 0:
                    return False
                self._left -= 1
        return True
