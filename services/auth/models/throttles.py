"""The table of failed tries."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class Throttle(Model):
    """Failed tries on one thing: an identifier, a client address, a device, an account's second factors."""

    __tablename__ = "throttles"

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    failures: Mapped[int]
    refusals: Mapped[int] = mapped_column(server_default="0")
    blocked_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(index=True)
