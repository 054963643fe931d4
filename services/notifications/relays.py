"""The relay of notifications' worker beside the outbox's: it rings the bells of the lanes."""

from celery import Celery
from flask import Flask

from services.notifications.delivery import bells
from services.notifications.settings import NotificationsSettings
from services.notifications.store.queue import CHANNEL
from shared.chassis.relay import Relay


def new_relays(app: Flask, settings: NotificationsSettings, celery: Celery) -> list[Relay]:
    """What runs beside the outbox's relay."""
    return [
        Relay(
            app,
            name="deliveries",
            channel=CHANNEL,
            database_url=settings.sqlalchemy_url,
            step=lambda: bells.relay(celery),
        )
    ]
