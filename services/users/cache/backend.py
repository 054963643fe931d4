"""Versioned values in Redis, as a backend of Flask-Caching: nobody replaces a newer value by an older one.

A key has ``<run id> <version> <value>``, or the same without a value: a tombstone, which says that this
version is about to be written. ``read`` of a key that has a value is one GET, ``read_many`` one MGET. The
rest are scripts, each of which is one step for Redis:

- ``miss`` gives a token: since when the reader had no value, and in which life of Redis; or the value, where
  there is one by now. ``token`` gives one for many keys.
- ``offer`` stores values that were read from the database after the token was given. One is refused where
  its key has a later version, all where the token is old and where Redis has restarted or was flushed since.
- ``forbid`` sets a tombstone, unless the key has this version or a later one.

A restarted Redis may remember what it had lost of late: so a value counts only in the life it was written in.
No connection outlives a restart, so a reader learns the life once for each connection (``connections``).
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.users.cache.breaker import Breaker
from services.users.cache.connections import ThreadConnections
from services.users.cache.redis_backend import RedisBackend

# A reader has the database; a writer whom Redis does not hear leaves others with an old value for a moment.
WRITERS_PATIENCE_SECONDS = 0.1
TOMBSTONE_SECONDS = 60
# Who has had his row for longer may not offer it: the tombstone that he missed may have gone meanwhile.
TOKEN_SECONDS = 30

_LIFE = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local function token()
  local epoch = redis.call('GET', KEYS[1])
  if not epoch then
    epoch = ARGV[1]
    redis.call('SET', KEYS[1], epoch)
  end
  return run .. epoch .. ' ' .. redis.call('TIME')[1]
end
local function look(key)
  local stored = redis.call('GET', key)
  if stored then
    local owner, known, value = string.match(stored, '^(%x+) (%d+) (.*)$')
    if owner == run then return tonumber(known), value end
  end
  return -1, ''
end
"""
_FOR_MANY = """
return token()
"""
_MISS = """
local known, value = look(KEYS[2])
if value ~= '' then return {known, value} end
return {-1, token()}
"""
_FORBID = """
if look(KEYS[2]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[2], run .. ' ' .. ARGV[2] .. ' ', 'EX', ARGV[3])
end
return token()
"""
_OFFER = """
local life, since = string.match(ARGV[1], '^(%x+) (%d+)$')
if life ~= run .. (redis.call('GET', KEYS[1]) or '') then return 0 end
if redis.call('TIME')[1] - since > tonumber(ARGV[3]) then return 0 end
local kept = 0
for place = 2, #KEYS do
  local version, known, value = tonumber(ARGV[2 * place]), look(KEYS[place])
  if known < version or (known == version and value == '') then
    local stored = run .. ' ' .. ARGV[2 * place] .. ' ' .. ARGV[2 * place + 1]
    redis.call('SET', KEYS[place], stored, 'EX', ARGV[2])
    kept = kept + 1
  end
end
return kept
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
        self.breaker = Breaker(self.token)
        self._lines = ThreadConnections(lambda greet: self.connect(self.patience_seconds, greet=greet))
        readers = self.connect(self.patience_seconds)
        writers = self.connect(max(self.patience_seconds, WRITERS_PATIENCE_SECONDS))
        self._token = readers.register_script(_LIFE + _FOR_MANY)
        self._miss = readers.register_script(_LIFE + _MISS)
        self._offer = readers.register_script(_LIFE + _OFFER)
        self._forbid = writers.register_script(_LIFE + _FORBID)

    def read(self, key: str) -> Found:
        """The value of ``key``, or the token with which one may be offered."""
        life, stored = self._lines.ask("GET", self.prefix + key)
        return _found(stored, life) or self._read_or_miss(key)

    def read_many(self, keys: Sequence[str]) -> list[Found | None]:
        """The value of each key; None where there is none."""
        life, stored = self._lines.ask("MGET", *(self.prefix + key for key in keys))
        return [_found(each, life) for each in stored]

    def _read_or_miss(self, key: str) -> Found:
        version, value = self._miss(keys=self._keys(key), args=[_new_epoch()])
        return Found(version, None, value) if version < 0 else Found(version, value, b"")

    def give_up(self) -> None:
        """Ask nothing more until Redis answers again, and then over new connections."""
        self._lines.forget()
        self.breaker.failed()

    def token(self) -> bytes:
        """The token with which any values may be offered that are read after this."""
        token: bytes = self._token(keys=self._keys(), args=[_new_epoch()])
        return token

    def forbid(self, key: str, version: int) -> bytes:
        """Have no reader store a version before ``version``; the token with which that one may be offered."""
        token: bytes = self._forbid(keys=self._keys(key), args=[_new_epoch(), version, TOMBSTONE_SECONDS])
        return token

    def offer(self, values: Mapping[str, tuple[int, bytes]], token: bytes) -> int:
        """Store each value and its version unless something newer may be there; how many were stored."""
        arguments: list[Any] = [token, self.default_timeout, TOKEN_SECONDS]
        for version, value in values.values():
            arguments += [version, value]
        return int(self._offer(keys=self._keys(*values), args=arguments))

    def _keys(self, *keys: str) -> list[str]:
        return [f"{self.prefix}epoch", *(self.prefix + key for key in keys)]


def _new_epoch() -> str:
    """For a Redis that has none: it was flushed, or is new."""
    return secrets.token_hex(8)


def _found(stored: bytes | None, life: bytes) -> Found | None:
    """The value that is stored; None for a tombstone, and for one of another life."""
    if stored is None:
        return None
    owner, version, value = stored.split(b" ", 2)
    return Found(int(version), value, b"") if value and owner == life else None
