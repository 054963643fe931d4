"""The database of users."""

from typing import TYPE_CHECKING

from sqlalchemy.orm import DeclarativeBase

from shared.chassis.database import new_database

db = new_database()

if TYPE_CHECKING:

    class Model(DeclarativeBase):
        """What mypy sees of ``db.Model``."""
else:
    Model = db.Model
