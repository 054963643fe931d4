"""auth's public keys at the edge: asked for without holding the worker's loop up, and watched.

A token that was verified is not verified again, so the worker looks now and then whether a key was
withdrawn, and then forgets what it has verified.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gateway.background import keep_running
from shared.chassis.access_tokens import TokenInvalid
from shared.chassis.published_keys import ASK_AGAIN_SECONDS, KEPT_SECONDS, PATIENCE_SECONDS, PublishedKeys
from shared.chassis.signing_keys import VerificationKey


class KeyUnknown(TokenInvalid):
    """The token names a key that this worker has not seen; ``TokenKeys.learn`` may bring it."""

    def __init__(self, kid: str) -> None:
        super().__init__()
        self.kid = kid


class TokenKeys:
    """The public keys of one worker, and what to do when one of them goes."""

    def __init__(self, published: PublishedKeys, *, is_needed: bool) -> None:
        self._published = published
        self._is_needed = is_needed  # whether any token may be under one of them
        self._task: asyncio.Task[None] | None = None
        self.on_withdrawal: Callable[[], None] = lambda: None

    @property
    def is_known(self) -> bool:
        """Whether tokens can be verified: none is under a key of auth's own, or auth has shown them."""
        return not self._is_needed or self._published.is_read

    def find(self, kid: str) -> VerificationKey:
        """The key; raises KeyUnknown."""
        key = self._published.look_up(kid)
        if key is None:
            raise KeyUnknown(kid)
        return key

    async def learn(self, unknown: KeyUnknown) -> None:
        """Ask for the key; raises ``unknown`` if it is none of auth's, KeysUnavailable if auth is away."""
        running = self._published.ask_for(unknown.kid)
        if running is not None:
            await asyncio.wait([asyncio.wrap_future(running)], timeout=PATIENCE_SECONDS)
        if self._published.answer(unknown.kid) is None:
            raise unknown

    async def start(self) -> None:
        """Read the keys and watch them from now on."""
        if self._is_needed:
            self._task = keep_running(self._watch, name="keys")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        known = self._published.names
        while True:
            running = self._published.renew()
            if running is not None:
                await asyncio.wait([asyncio.wrap_future(running)])
            before, known = known, self._published.names
            if not before <= known:
                self.on_withdrawal()
            await asyncio.sleep(KEPT_SECONDS if self.is_known else ASK_AGAIN_SECONDS)
