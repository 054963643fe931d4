"""The table of revoked access tokens."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class Revocation(Model):
    """Tokens that are dead before their time, for as long as the longest of them would have lived."""

    __tablename__ = "revocations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    member: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    published_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_revocations_unpublished", "id", postgresql_where=text("published_at IS NULL")),
    )
