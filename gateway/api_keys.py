"""API keys: exchanged at auth for a short-lived access token, which is remembered while it lives.

Services then see one kind of credential only. A key that auth does not know is remembered too, for a moment,
and asking for one is limited by address: whoever guesses keys must not be able to make auth busy with it.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from time import monotonic

from pydantic import ValidationError

from gateway.fetch import fetch
from gateway.upstream.faults import UpstreamFault
from gateway.upstream.replicas import Service
from shared.chassis import errors, service_tokens
from shared.chassis.settings import ProcessSettings
from shared.contracts.internal import ApiKeyBody, IssuedTokenBody

EXCHANGE_SECONDS = 5.0
UNKNOWN_SECONDS = 30.0
EARLY_SECONDS = 5.0
MOST_REMEMBERED = 10_000
# As auth makes them; what looks otherwise is not worth a question.
_KEY = re.compile(rb"dwk_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
_BEARER_KEY = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] (dwk_[^ ]*)")


class ApiKeyInvalid(errors.Unauthorized):
    """The API key is unknown, deleted or expired."""

    code = "api_key_invalid"
    detail = "This API key is not valid."


def key_in(authorization: bytes | None, api_key: bytes | None) -> bytes | None:
    """The API key that a request came with: in X-API-Key, or in the place of a bearer token."""
    if api_key is not None:
        return api_key
    match = _BEARER_KEY.fullmatch(authorization) if authorization else None
    return match[1] if match else None


class ApiKeys:
    """What one worker knows of the keys that it has seen, by their hashes."""

    def __init__(self, service: Service | None, settings: ProcessSettings) -> None:
        self._service = service
        self._settings = settings
        self._known: dict[
            bytes, tuple[bytes | None, float]
        ] = {}  # the header value (None: invalid), until when
        self._asked: dict[bytes, asyncio.Task[bytes]] = {}

    async def authorization(self, key: bytes, before_asking: Callable[[], Awaitable[None]]) -> bytes:
        """The Authorization value for ``key``; raises ApiKeyInvalid, Unavailable, or as ``before_asking``."""
        if _KEY.fullmatch(key) is None:
            raise ApiKeyInvalid
        name = hashlib.sha256(key).digest()
        if (found := self._find(name)) is not None:
            return found
        await before_asking()
        if (found := self._find(name)) is not None:  # somebody else's question was answered meanwhile
            return found
        task = self._asked.get(name)
        if task is None:  # many requests with one key make one question
            task = self._asked[name] = asyncio.create_task(self._ask(key, name))
            task.add_done_callback(lambda _: self._asked.pop(name, None))
        return await asyncio.shield(task)

    def forget(self, key: bytes, authorization: bytes | None) -> None:
        """The token that was given for ``key`` is dead; auth may have another, with the roles of now."""
        name = hashlib.sha256(key).digest()
        known = self._known.get(name)
        if known is not None and known[0] == authorization:
            del self._known[name]

    def _find(self, name: bytes) -> bytes | None:
        known = self._known.get(name)
        if known is None or known[1] <= monotonic():
            return None
        if known[0] is None:
            raise ApiKeyInvalid
        return known[0]

    async def _ask(self, key: bytes, name: bytes) -> bytes:
        if self._service is None:
            raise ApiKeyInvalid
        token = service_tokens.issue(self._settings, process="gateway")
        body = ApiKeyBody(key=key.decode("ascii")).model_dump_json().encode()
        fields = {"authorization": f"Bearer {token}"}
        path = "/internal/api-keys/exchange"
        try:
            answer = await fetch(
                self._service, path, seconds=EXCHANGE_SECONDS, method="POST", fields=fields, body=body
            )
            if answer.status == 200:
                return self._remember(name, IssuedTokenBody.model_validate_json(answer.body))
        except (UpstreamFault, ValidationError) as error:
            raise errors.Unavailable from error
        if answer.status >= 500 or answer.status == 429:
            raise errors.Unavailable
        self._keep(name, None, UNKNOWN_SECONDS)
        raise ApiKeyInvalid

    def _remember(self, name: bytes, issued: IssuedTokenBody) -> bytes:
        authorization = f"Bearer {issued.access_token}".encode()
        self._keep(name, authorization, issued.expires_in - EARLY_SECONDS)
        return authorization

    def _keep(self, name: bytes, value: bytes | None, seconds: float) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            now = monotonic()
            self._known = {key: entry for key, entry in self._known.items() if entry[1] > now}
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[name] = (value, monotonic() + seconds)
