"""Versioned values in Redis, as a backend of Flask-Caching: nobody replaces a newer value by an older one.

A key has ``<run id> <version> <value>``, or the same without a value: a tombstone, which says that this
version is about to be written. ``read`` of a key that has a value is one GET. The rest are scripts, each of
which is one step for Redis:

- ``miss`` gives a token: since when the reader had no value, and in which life of Redis; or the value, where
  there is one by now.
- ``offer`` stores a value that was read from the database after the token was given. It is refused where the
  key has a later version, where the token is old, and where Redis has restarted or was flushed since.
- ``forbid`` sets a tombstone, unless the key has this version or a later one.

A restarted Redis may remember what it had lost of late: so a value counts only in the life it was written in.
No connection outlives a restart, so a reader learns the life once for each connection (``lives``).
"""

import secrets
from typing import Any, NamedTuple

from redis import Redis

from services.users.cache.lives import LivesOfRedis
from services.users.cache.redis_backend import RedisBackend

# A reader has the database; a writer whom Redis does not hear leaves others with an old value for a moment.
WRITERS_PATIENCE_SECONDS = 0.1
TOMBSTONE_SECONDS = 60
# Who has had his row for longer may not offer it: the tombstone that he missed may have gone meanwhile.
TOKEN_SECONDS = 30

_PRELUDE = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local stored = redis.call('GET', KEYS[1])
local owner, known, value
if stored then
  owner, known, value = string.match(stored, '^(%x+) (%d+) (.*)$')
  if owner ~= run then known, value = nil, nil end
end
known = tonumber(known or -1)
local function token()
  local epoch = redis.call('GET', KEYS[2])
  if not epoch then
    epoch = ARGV[1]
    redis.call('SET', KEYS[2], epoch)
  end
  return run .. epoch .. ' ' .. redis.call('TIME')[1]
end
"""
_MISS = """
if value and value ~= '' then return {known, value} end
return {-1, token()}
"""
_FORBID = """
if known < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], run .. ' ' .. ARGV[2] .. ' ', 'EX', ARGV[3])
end
return token()
"""
_OFFER = """
local life, since = string.match(ARGV[1], '^(%x+) (%d+)$')
if life ~= run .. (redis.call('GET', KEYS[2]) or '') then return 0 end
if redis.call('TIME')[1] - since > tonumber(ARGV[4]) then return 0 end
local version = tonumber(ARGV[2])
if known > version or (known == version and value ~= '') then return 0 end
redis.call('SET', KEYS[1], run .. ' ' .. ARGV[2] .. ' ' .. ARGV[5], 'EX', ARGV[3])
return 1
"""


class Found(NamedTuple):
    """What a key has: a value and its version, or none and the token with which one may be offered."""

    version: int
    value: bytes | None
    token: bytes


class VersionedRedis(RedisBackend):
    """The protocol, on one pool of connections. Raises RedisError where Redis does not answer in time."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._lives = LivesOfRedis()
        self._readers = self.connect(self.patience_seconds, greet=self._lives.learn).connection_pool
        readers = Redis(connection_pool=self._readers)
        writers = self.connect(max(self.patience_seconds, WRITERS_PATIENCE_SECONDS))
        self._miss = readers.register_script(_PRELUDE + _MISS)
        self._offer = readers.register_script(_PRELUDE + _OFFER)
        self._forbid = writers.register_script(_PRELUDE + _FORBID)

    def read(self, key: str) -> Found:
        """The value of ``key``, or the token with which one may be offered."""
        return self._get(key) or self._read_or_miss(key)

    def _get(self, key: str) -> Found | None:
        """The value. By the connection itself: redis-py's client costs as much again as Redis does."""
        connection = self._readers.get_connection()
        try:
            connection.send_command("GET", self.prefix + key)  # type: ignore[no-untyped-call]
            stored: bytes | None = connection.read_response()  # type: ignore[no-untyped-call]
            life = self._lives.of(connection)
        finally:
            self._readers.release(connection)
        if stored is None:
            return None
        owner, version, value = stored.split(b" ", 2)
        return Found(int(version), value, b"") if value and owner == life else None

    def _read_or_miss(self, key: str) -> Found:
        version, value = self._miss(keys=self._keys(key), args=[secrets.token_hex(8)])
        return Found(version, None, value) if version < 0 else Found(version, value, b"")

    def forbid(self, key: str, version: int) -> bytes:
        """Have no reader store a version before ``version``; the token with which that one may be offered."""
        token: bytes = self._forbid(
            keys=self._keys(key), args=[secrets.token_hex(8), version, TOMBSTONE_SECONDS]
        )
        return token

    def offer(self, key: str, version: int, value: bytes, token: bytes) -> bool:
        """Store ``value`` unless something newer may be there; whether it was stored."""
        arguments: list[Any] = [token, version, self.default_timeout, TOKEN_SECONDS, value]
        return bool(self._offer(keys=self._keys(key), args=arguments))

    def _keys(self, key: str) -> list[str]:
        return [f"{self.prefix}{key}", f"{self.prefix}epoch"]
