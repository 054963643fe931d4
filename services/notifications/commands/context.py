"""The app context that a command works in."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.notifications.app import create_app
from services.notifications.models import db


@contextmanager
def in_app() -> Iterator[None]:
    """The context of the service, with the settings of the environment."""
    with create_app().app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()
