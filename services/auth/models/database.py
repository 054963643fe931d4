"""The database of auth, and what every table of an account begins with."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, mapped_column

from shared.chassis.database import new_database

db = new_database()


if TYPE_CHECKING:

    class Model(DeclarativeBase):
        """What mypy sees of ``db.Model``."""
else:
    Model = db.Model


def account_reference() -> Any:
    """The column that ties a row to its account, and goes with it."""
    return mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
