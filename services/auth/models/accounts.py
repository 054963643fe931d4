"""The table of accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model

# The parameters of argon2id that a hash was made with; nothing for a hash of another system.
HASH_PARAMETERS = (
    "CASE WHEN password_hash LIKE '$argon2id$%' THEN split_part(password_hash, '$', 4) ELSE '' END"
)
HAS_PASSWORD = "password_hash IS NOT NULL"  # noqa: S105
IS_FOREIGN_HASH = "password_hash NOT LIKE '$argon2id$%'"


class Account(Model):
    """Who may sign in. Addresses are stored in canonical form; a null password hash means: not by password.

    users owns name and language; ``profile_version`` says which of its versions this is a copy of.
    """

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str | None]
    locale: Mapped[str] = mapped_column(server_default="en")
    profile_version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    password_hash: Mapped[str | None]
    roles: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    verified_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]
    told_of_registration_at: Mapped[datetime | None]
    deletes_at: Mapped[datetime | None] = mapped_column(index=True)

    # For searches by the beginning of an address, which the unique index serves in the C locale only.
    __table_args__ = (
        Index("ix_accounts_email_prefix", "email", postgresql_ops={"email": "text_pattern_ops"}),
        Index("ix_accounts_unverified", "created_at", postgresql_where=text("verified_at IS NULL")),
        # Asked for by the release before; the next may drop it.
        Index("ix_accounts_foreign_hash", "id", postgresql_where=text(IS_FOREIGN_HASH)),
        Index(
            "ix_accounts_hash_parameters", text(f"({HASH_PARAMETERS})"), postgresql_where=text(HAS_PASSWORD)
        ),
    )
