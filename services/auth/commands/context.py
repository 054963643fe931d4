"""The app context that a command works in; the audit log then says that an operator did it."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from services.auth import audit


@contextmanager
def as_operator(app: Flask) -> Iterator[None]:
    """Work in the context of ``app`` on behalf of the operator."""
    with app.app_context():
        audit.act_as_operator()
        yield
