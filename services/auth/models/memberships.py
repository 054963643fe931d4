"""The table of memberships in organizations, as users tells of them."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class Membership(Model):
    """An account's role in an organization; without one it has ended. users owns it.

    ``version`` is that of the message that said so: an older one that comes late changes nothing.
    """

    __tablename__ = "memberships"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str | None]
    version: Mapped[int] = mapped_column(BigInteger)
