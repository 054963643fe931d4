"""The database of notifications, and what its tables are made of."""

from typing import TYPE_CHECKING, cast

from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase

from shared.chassis.database import new_database

db = new_database()

if TYPE_CHECKING:

    class Model(DeclarativeBase):
        """What mypy sees of ``db.Model``."""
else:
    Model = db.Model


def table_of(model: type[Model]) -> Table:
    """The table behind ``model``."""
    return cast("Table", model.__table__)
