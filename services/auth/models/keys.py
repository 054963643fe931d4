"""The tables of keys of auth's own: those that sign tokens, and those that stay with the database."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class KeptKey(Model):
    """A random key that belongs to this database and stays, sealed: what is hashed under it never changes."""

    __tablename__ = "kept_keys"

    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[str]
    created_at: Mapped[datetime]


class SigningKey(Model):
    """A key pair that access tokens are signed with; the private half is sealed.

    It is published from its creation until ``accepted_until``, and signs within that from ``signs_from``
    until ``signs_until``. Of several that might sign, the one with the latest ``signs_from`` does.
    """

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    public_jwk: Mapped[dict[str, str]] = mapped_column(JSONB)
    sealed_private_key: Mapped[str]
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    signs_until: Mapped[datetime | None]
    accepted_until: Mapped[datetime | None]
