"""The relays of users' worker beside the outbox's: versions that Redis has to be told, copies to collect."""

from flask import Flask

from services.users.exports import collecting
from services.users.profiles import invalidations
from services.users.settings import UsersSettings
from services.users.store.invalidations import CHANNEL
from shared.chassis.relay import Relay


def new_relays(app: Flask, settings: UsersSettings) -> list[Relay]:
    """What runs beside the outbox's relay."""
    return [
        Relay(
            app,
            name="cache_invalidations",
            channel=CHANNEL,
            database_url=settings.sqlalchemy_url,
            step=invalidations.repeat,
        ),
        Relay(
            app,
            name="exports",
            channel=collecting.CHANNEL,
            database_url=settings.sqlalchemy_url,
            step=collecting.collect_next,
        ),
    ]
