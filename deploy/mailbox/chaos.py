"""Switches that make the mailbox a bad mail server, for tests of how senders cope."""

import random
import threading
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
    delay_seconds: float = Field(0, ge=0, le=300, description="How long the answer at `delay_at` takes.")
    delay_at: Moment = "after_data"
    drop_at: Moment | None = Field(None, description="Where the connection is cut without an answer.")
    drop_rate: float = Field(1, ge=0, le=1, description="The share that is cut at `drop_at`.")
    only_to: str | None = Field(None, description="From `rcpt` on, only mail to this address suffers.")
    times: int | None = Field(None, ge=0, description="How many times a reject or a drop happens.")


class Chaos:
    """The switches as they stand now, and the dice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: int | None = None
        self.switches = Switches()

    def set(self, switches: Switches) -> None:
        """Turn the switches."""
        with self._lock:
            self.switches = switches
            self._left = switches.times

    def delay(self, moment: Moment, recipients: list[str]) -> float:
        """The seconds that the answer takes at ``moment``."""
        switches = self.switches
        if switches.delay_at == moment and self._concerns(recipients, moment):
            return switches.delay_seconds
        return 0

    def rejection(self, moment: Moment, recipients: list[str]) -> str | None:
        """The refusal at ``moment``; None where there is none."""
        switches = self.switches
        if switches.reject_at != moment or not self._happens(switches.reject_rate, recipients, moment):
            return None
        return f"{switches.reject_code} refused by the mailbox's chaos switch"

    def drops(self, moment: Moment, recipients: list[str]) -> bool:
        """Whether the connection is cut at ``moment``."""
        switches = self.switches
        return switches.drop_at == moment and self._happens(switches.drop_rate, recipients, moment)

    def _concerns(self, recipients: list[str], moment: Moment) -> bool:
        only_to = self.switches.only_to
        if only_to is None or moment in {"connect", "mail"}:
            return True
        return only_to.casefold() in (recipient.casefold() for recipient in recipients)

    def _happens(self, rate: float, recipients: list[str], moment: Moment) -> bool:
        if not self._concerns(recipients, moment) or random.random() >= rate:  # noqa: S311
            return False
        with self._lock:
            if self._left is not None:
                if self._left == 0:
                    return False
                self._left -= 1
        return True
