"""The table of failed tries."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class Throttle(Model):
    """Failed tries on one thing: an identifier, a client address, a device, an account's second factors.

    ``failures`` are those that were not forgotten at the last try, ``empties_at`` is when all are.
    """

    __tablename__ = "throttles"

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    failures: Mapped[int]
    refusals: Mapped[int] = mapped_column(server_default="0")
    empties_at: Mapped[datetime | None]
    blocked_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(index=True)
