"""The table of who is who."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from services.notifications.models.database import Model


class Recipient(Model):
    """The address of an account, and the name and language of its owner, as messages reported them."""

    __tablename__ = "recipients"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    locale: Mapped[str | None]
    name: Mapped[str | None]
    # The version of the profile that name and language are of; 0: what auth knew at the registration.
    profile_version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    told_at: Mapped[datetime]
    # A deleted account keeps its row, so that no late message brings it back.
    deleted_at: Mapped[datetime | None]
