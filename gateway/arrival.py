"""A request as it arrives: what its head says, as far as policies look at it."""

from functools import lru_cache
from os import urandom

from uuid_utils import uuid7

from gateway import single_fields
from gateway.client_address import client_of
from gateway.exchange import Exchange
from gateway.messages import Receive, Scope
from shared.chassis import tracing
from shared.serving import handshake


def exchange_of(scope: Scope, receive: Receive, *, trusted_proxies: int) -> Exchange:
    """What the head of a request says, as far as policies look at it."""
    fields = scope["headers"]
    found = dict(fields)
    peer = scope.get("client") or ("", 0)
    client = client_of(fields, peer[0], scope["scheme"], trusted_proxies=trusted_proxies)
    origin = found.get(b"origin")
    return Exchange(
        scope,
        receive,
        _trace_of(found),
        host=_host_of(found.get(b"host", b"")),
        address=client.address,
        protocol=client.protocol,
        origin=None if origin is None else origin.decode("latin-1"),
        authorization=found.get(b"authorization"),
        api_key=found.get(b"x-api-key"),
        asks_for_socket=b"upgrade" in found and _asks_for_socket(scope),
        doubled=None if len(found) == len(fields) else single_fields.find_doubled(fields),
        has_cookies=b"cookie" in found,
        fetch_site=found.get(b"sec-fetch-site"),
        delivery=found.get(b"token-delivery"),
    )


def _asks_for_socket(scope: Scope) -> bool:
    upgrade = b",".join(value for name, value in scope["headers"] if name == b"upgrade")
    return handshake.is_asked_for(scope["http_version"], upgrade)


def _trace_of(found: dict[bytes, bytes]) -> tracing.Trace:
    request_id, traceparent = found.get(b"x-request-id"), found.get(b"traceparent")
    if request_id is None and traceparent is None:
        return _new_trace()
    return tracing.continue_from(
        request_id.decode("latin-1") if request_id else None,
        traceparent.decode("latin-1") if traceparent else None,
    )


def _new_trace() -> tracing.Trace:
    """As ``continue_from`` without anything to continue, at less cost."""
    digits = _random_digits()
    return tracing.Trace(str(uuid7()), f"00-{digits[:32]}-{digits[32:]}-01")


TRACES_AT_ONCE = 128
_digits: list[str] = []


def _random_digits() -> str:
    """48 hexadecimal digits; the system is asked for those of many requests at once."""
    if not _digits:
        text = urandom(24 * TRACES_AT_ONCE).hex()
        _digits.extend(text[start : start + 48] for start in range(0, len(text), 48))
    return _digits.pop()


@lru_cache(maxsize=1024)
def _host_of(value: bytes) -> str:
    return value.decode("latin-1").lower()
