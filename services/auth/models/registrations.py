"""The table of registrations that wait for the proof of their address."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class Registration(Model):
    """What somebody signed up with: no account yet, one row an address, written for any address alike.

    ``password_hash`` is null where several with different passwords wait at once. ``purpose`` says which
    kind of mail went out last; its code and link are the only ones that count.
    """

    __tablename__ = "registrations"

    email: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str | None]
    is_contested: Mapped[bool] = mapped_column(server_default=text("false"))
    display_name: Mapped[str | None]
    locale: Mapped[str]
    purpose: Mapped[str | None]
    code_hash: Mapped[str | None]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    tries_left: Mapped[int] = mapped_column(server_default="0")
    mailed_at: Mapped[datetime | None]
    code_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
