"""The table of versions that Redis does not know of yet."""

from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from services.users.models.database import Model


class Invalidation(Model):
    """A version that Redis could not be told of when it was written; the worker's relay repeats it."""

    __tablename__ = "cache_invalidations"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
