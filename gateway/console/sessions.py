"""Sessions of the console while Redis, which keeps them, is away: a 503 instead of an error of ours."""

from typing import Any

from flask import Flask, Request, Response, session
from flask.sessions import NullSession, SessionInterface, SessionMixin
from redis.exceptions import RedisError

from shared.chassis.errors import Unavailable, handle_api_error


class _Away(NullSession):
    """Stands for a session that could not be read."""

    is_away = True


class SessionsThatMayBeAway(SessionInterface):
    """Flask-Session's interface, with what its store raises made an answer."""

    def __init__(self, inner: SessionInterface) -> None:
        self._inner = inner

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """The session of the request."""
        try:
            return self._inner.open_session(app, request)
        except RedisError:
            return _Away()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Store the session; where that fails, the answer says so instead of what it would have said."""
        try:
            self._inner.save_session(app, session, response)
        except RedisError:
            refusal = handle_api_error(Unavailable())
            response.status_code = refusal.status_code
            response.headers.clear()
            response.headers.extend(refusal.headers)
            response.set_data(refusal.get_data())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def check() -> None:
    """Raise Unavailable unless the request has its session."""
    if getattr(session, "is_away", False):
        raise Unavailable
