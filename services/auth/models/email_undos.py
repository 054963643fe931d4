"""The table of links that take an account's former address back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model, account_reference


class EmailUndo(Model):
    """A link that went to the address that an account had before; one row for each change of address."""

    __tablename__ = "email_undos"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = account_reference()
    old_email: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
