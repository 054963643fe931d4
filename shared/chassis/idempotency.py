"""Idempotency-Key: a POST that is sent twice with one key is done once (the IETF httpapi draft).

The key, the caller and the route name a row in the service's own database, made before the work and
kept a day with the sealed answer. The same request again gets the same answer; another body under the
key is 422, one whose first try is still running is 409. A first try that failed with a 5xx frees its key.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

import orjson
from flask import Flask, Response, current_app, g, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from shared.chassis import errors
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.sealing import Sealer, derive_key

KEPT_FOR = timedelta(days=1)
RUNS_AT_MOST = timedelta(minutes=1)
LONGEST_KEY = 255
ANSWER_PURPOSE = "idempotency"  # what a stored answer is sealed for
_EXTENSION = "doorward_idempotency"
_KEPT_HEADERS = ("Content-Type", "Location", "ETag")

View = TypeVar("View", bound=Callable[..., Any])


class IdempotencyKeyInvalid(errors.ApiError):
    """The Idempotency-Key header is empty, too long or not printable ASCII."""

    status = 400
    code = "idempotency_key_invalid"
    detail = "Idempotency-Key must be 1 to 255 printable ASCII characters."


class IdempotencyKeyReused(errors.InvalidRequest):
    """The key was used before, with another body."""

    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used with another request."


class IdempotentRequestRunning(errors.Conflict):
    """The first request with this key has not ended yet."""

    code = "idempotent_request_running"
    detail = "The first request with this Idempotency-Key is still running."


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


class Idempotency:
    """The keys of one service."""

    def __init__(self, db: SQLAlchemy, model: type[IdempotencyMixin]) -> None:
        self._db = db
        self._model = model
        self._sealer: Sealer | None = None
        self._peppers: Sequence[bytes] = ()

    def init_app(self, app: Flask, secrets: list[str]) -> None:
        """Give it the secrets that stored answers are sealed with."""
        self._sealer = Sealer(secrets, ANSWER_PURPOSE)
        self._peppers = [derive_key(secret, "idempotency-key") for secret in secrets]
        app.extensions[_EXTENSION] = self

    def answer(self, key: str, work: Callable[[], Response]) -> Response:
        """The stored answer of the request with ``key``, or that of ``work``, which is then stored."""
        names = self._names(key)
        stored = self._begin(names)
        if stored is not None:
            return stored
        key_hash = names[0].key_hash
        try:
            response = work()
        except BaseException:
            self._forget(key_hash)
            raise
        if response.status_code >= 500:
            self._forget(key_hash)
        else:
            self._keep(key_hash, response)
        return response

    def _names(self, key: str) -> list[_Name]:
        """What the request may be stored as: under the current secret first, then under the older ones."""
        who = str(g.caller.account_id) if "caller" in g else ""
        name = "\n".join([who, request.method, request.path, key]).encode()
        body = request.get_data(cache=True)
        return [_Name(_keyed(pepper, name), _keyed(pepper, body)) for pepper in self._peppers]

    def _begin(self, names: Sequence[_Name]) -> Response | None:
        now = utcnow()
        model, current = self._model, names[0]
        is_meant = model.key_hash.in_([name.key_hash for name in names])
        find = select(model.request_hash, model.sealed_answer).where(is_meant)
        with transaction(self._db) as session:
            if len(names) > 1:
                # While a secret is rotated, two processes may store one request under two names.
                lock = func.pg_advisory_xact_lock(func.hashtextextended(min(names).key_hash, 0))
                session.execute(select(lock))
            session.execute(
                delete(model).where(
                    is_meant,
                    (model.started_at < now - KEPT_FOR)
                    | (model.sealed_answer.is_(None) & (model.started_at < now - RUNS_AT_MOST)),
                )
            )
            row = session.execute(find).first()
            if row is None:
                values = {"key_hash": current.key_hash, "request_hash": current.request_hash}
                make = insert(model).values(**values, started_at=now).on_conflict_do_nothing()
                if session.execute(make.returning(model.key_hash)).one_or_none():
                    return None
                row = session.execute(find).first()
        return self._replay(row, {name.request_hash for name in names})

    def _replay(self, row: Any, request_hashes: Collection[str]) -> Response:
        is_same = row is None or row.request_hash in request_hashes
        if not is_same:
            raise IdempotencyKeyReused
        if row is None or row.sealed_answer is None:
            raise IdempotentRequestRunning(headers={"Retry-After": "1"})
        stored = orjson.loads(cast("Sealer", self._sealer).open(row.sealed_answer))
        response = Response(stored["body"], status=stored["status"], headers=stored["headers"])
        response.headers["Idempotency-Replayed"] = "true"
        return response

    def _keep(self, key_hash: str, response: Response) -> None:
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        stored = {"status": response.status_code, "headers": headers, "body": response.get_data(as_text=True)}
        sealed = cast("Sealer", self._sealer).seal(orjson.dumps(stored))
        with transaction(self._db) as session:
            session.execute(
                update(self._model).where(self._model.key_hash == key_hash).values(sealed_answer=sealed)
            )

    def _forget(self, key_hash: str) -> None:
        with transaction(self._db) as session:
            session.execute(delete(self._model).where(self._model.key_hash == key_hash))


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
        keys = cast("Idempotency", current_app.extensions[_EXTENSION])
        return keys.answer(key, lambda: current_app.make_response(view(*args, **kwargs)))

    return cast("View", guarded)
