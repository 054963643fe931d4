"""Idempotency-Key: a POST that is sent twice with one key is done once (the IETF httpapi draft).

The work, its row and the sealed answer are one transaction: where the answer is not stored, nothing is. The
key, the route and the caller name the row; without a caller, the client's network does. Sessions of one
account are one caller, and so are its API keys of the same scopes. The same request again gets the same
answer for a day, or as long as the service keeps the row; another body under the key is 422, one whose first
try is still running is 409. A first try that failed frees its key: an error of the caller's keeps what the
use cases stored of it, and a 5xx undoes them.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

import orjson
from flask import Flask, Response, current_app, g, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import SQLColumnExpression, delete, false, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.exceptions import HTTPException

from shared.chassis import errors
from shared.chassis.client_networks import network_of
from shared.chassis.clock import utcnow
from shared.chassis.database import whole
from shared.chassis.idempotency_errors import (
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    IdempotentRequestRunning,
)
from shared.chassis.sealing import Sealer, derive_key

KEPT_FOR = timedelta(days=1)
RUNS_AT_MOST = timedelta(minutes=1)
LONGEST_KEY = 255
ANSWER_PURPOSE = "idempotency"  # what a stored answer is sealed for
_EXTENSION = "doorward_idempotency"
_KEPT_HEADERS = ("Content-Type", "Location", "ETag")

View = TypeVar("View", bound=Callable[..., Any])


class IdempotencyMixin:
    """The columns of a service's idempotency table."""

    __tablename__ = "idempotency_keys"

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(index=True)
    sealed_answer: Mapped[str | None]


class _Name(NamedTuple):
    """What a request is stored as under one secret."""

    key_hash: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class _Bound:
    """What one app gives its keys."""

    keys: "Idempotency"
    sealer: Sealer
    peppers: Sequence[bytes]  # of the current secret first, then of the older ones


class Idempotency:
    """The keys of one service."""

    def __init__(
        self,
        db: SQLAlchemy,
        model: type[IdempotencyMixin],
        *,
        kept_while: SQLColumnExpression[bool] | None = None,
    ) -> None:
        self._db = db
        self._model = model
        self._kept_while = kept_while if kept_while is not None else false()

    def init_app(self, app: Flask, secrets: Sequence[str]) -> None:
        """Have ``app`` honour the header, with the secrets that its stored answers are sealed with."""
        peppers = [derive_key(secret, "idempotency-key") for secret in secrets]
        app.extensions[_EXTENSION] = _Bound(self, Sealer(secrets, ANSWER_PURPOSE), peppers)

    def answer(self, key: str, work: Callable[[], Response]) -> Response:
        """The stored answer of the request with ``key``, or that of ``work``, which is then stored."""
        names = _names(key)
        failure = None
        with whole(self._db):
            self._lock(names)
            stored = self._find(names)
            if stored is not None:
                return _replayed(stored, {name.request_hash for name in names})
            self._note(names[0])
            g.idempotency_key_hash = names[0].key_hash
            try:
                response = work()
            except Exception as error:
                if _status_of(error) >= 500:
                    raise
                self._forget(names[0].key_hash)
                failure = error
            else:
                self._settle(names[0].key_hash, response)
        if failure is not None:
            raise failure
        return response

    def _lock(self, names: Sequence[_Name]) -> None:
        """Have the request to oneself until the transaction ends, however it ends.

        All names are locked: while a secret is rotated, two processes know one request by different lists.
        """
        locks = [
            func.pg_try_advisory_xact_lock(func.hashtextextended(name.key_hash, 0)) for name in sorted(names)
        ]
        if not all(self._db.session.execute(select(*locks)).one()):
            raise IdempotentRequestRunning(headers={"Retry-After": "1"})

    def _find(self, names: Sequence[_Name]) -> Any:
        now = utcnow()
        model = self._model
        is_meant = model.key_hash.in_([name.key_hash for name in names])
        # Only the release before stored rows without an answer: they are requests that run there, or died.
        is_given_up = model.sealed_answer.is_(None) & (model.started_at < now - RUNS_AT_MOST)
        is_old = (model.started_at < now - KEPT_FOR) & ~self._kept_while
        self._db.session.execute(delete(model).where(is_meant, is_old | is_given_up))
        return self._db.session.execute(
            select(model.request_hash, model.sealed_answer).where(is_meant)
        ).first()

    def _note(self, name: _Name) -> None:
        """Make the row: a process of the release before, which knows no lock, waits for it."""
        row = {"key_hash": name.key_hash, "request_hash": name.request_hash, "started_at": utcnow()}
        self._db.session.execute(insert(self._model).values(**row))

    def _settle(self, key_hash: str, response: Response) -> None:
        if response.status_code >= 500:
            self._db.session.rollback()
            return
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        stored = {"status": response.status_code, "headers": headers, "body": response.get_data(as_text=True)}
        sealed = _bound().sealer.seal(orjson.dumps(stored))
        self._db.session.execute(
            update(self._model).where(self._model.key_hash == key_hash).values(sealed_answer=sealed)
        )

    def _forget(self, key_hash: str) -> None:
        self._db.session.execute(delete(self._model).where(self._model.key_hash == key_hash))


def current_key_hash() -> str | None:
    """The row of the request that is being done, where it has a key: its transaction is the caller's."""
    return cast("str | None", g.get("idempotency_key_hash"))


def _bound() -> _Bound:
    return cast("_Bound", current_app.extensions[_EXTENSION])


def _names(key: str) -> list[_Name]:
    """What the request may be stored as: under the current secret first, then under the older ones."""
    name = "\n".join([_who(), request.method, request.path, key]).encode()
    body = request.get_data(cache=True)
    return [_Name(_keyed(pepper, name), _keyed(pepper, body)) for pepper in _bound().peppers]


def _who() -> str:
    """Whom the key belongs to.

    An API key that was made in the place of another one gets the answer to its request. One that may do less
    gets none: the view, which would refuse it, is not asked for a stored answer.
    """
    if "caller" not in g:
        return f"client {network_of(request.remote_addr)}"
    return " ".join([str(g.caller.account_id), *sorted(g.caller.scopes or ())])


def _status_of(error: Exception) -> int:
    if isinstance(error, errors.ApiError):
        return error.status
    return (isinstance(error, HTTPException) and error.code) or 500


def _replayed(row: Any, request_hashes: Collection[str]) -> Response:
    if row.request_hash not in request_hashes:
        raise IdempotencyKeyReused
    if row.sealed_answer is None:
        raise IdempotentRequestRunning(headers={"Retry-After": "1"})
    stored = orjson.loads(_bound().sealer.open(row.sealed_answer))
    response = Response(stored["body"], status=stored["status"], headers=stored["headers"])
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _keyed(pepper: bytes, value: bytes) -> str:
    return hashlib.blake2b(value, key=pepper, digest_size=32).hexdigest()


def idempotent(view: View) -> View:
    """Honour Idempotency-Key on this POST. Goes directly below the access decorator."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(*args, **kwargs)
        if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise IdempotencyKeyInvalid
        return _bound().keys.answer(key, lambda: current_app.make_response(view(*args, **kwargs)))

    marked = cast("Any", guarded)
    marked.is_idempotent = True  # for the documentation; the decorators above copy it
    return cast("View", guarded)
