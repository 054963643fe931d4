"""The table of mails that were asked for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class MailRequest(Model):
    """A wish for a mail, written without a look at whether the address is known.

    Known and unknown addresses so cost a request the same work; the worker looks, and mails or not.
    """

    __tablename__ = "mail_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    sealed: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0")
    available_at: Mapped[datetime] = mapped_column(index=True)
