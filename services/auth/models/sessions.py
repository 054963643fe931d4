"""The table of sessions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Float
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model, account_reference

ROTATIONS_KEPT = 16  # of the latest rotations the exact time is stored
# Of earlier ones that are not over the grace period yet there is a milestone every so many parts of it.
MILESTONES_IN_GRACE = 16
MILESTONES_KEPT = MILESTONES_IN_GRACE + 2


class Session(Model):
    """One sign-in on one device: a row that every refresh updates in place.

    ``counter`` numbers the token pairs, ``rotations`` says when the latest of them were superseded
    (unix seconds, newest first). ``milestones`` says for some numbers when they became current (number, unix
    seconds, number, …, newest first). ``received`` is the highest number whose pair is known to have reached
    the client. The tokens themselves are derived from a secret and stored nowhere.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = account_reference()
    counter: Mapped[int] = mapped_column(BigInteger, server_default="1")
    rotations: Mapped[list[float]] = mapped_column(ARRAY(Float), server_default="{}")
    milestones: Mapped[list[float]] = mapped_column(ARRAY(Float), server_default="{}")
    received: Mapped[int] = mapped_column(BigInteger, server_default="0")
    methods: Mapped[list[str]] = mapped_column(JSONB)
    authenticated_at: Mapped[datetime]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ip: Mapped[str]
    user_agent: Mapped[str]
    device_id: Mapped[UUID | None]
    organization_id: Mapped[UUID | None]  # that it works for
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
