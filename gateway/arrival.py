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
    get = found.get
    peer = scope.get("client") or ("", 0)
    address, protocol = client_of(fields, peer[0], scope["scheme"], trusted_proxies=trusted_proxies)
    origin = get(b"origin")
    is_continued = b"x-request-id" in found or b"traceparent" in found
    exchange = Exchange(scope, receive, _trace_of(found) if is_continued else _new_trace())
    exchange.host = _host_of(get(b"host", b""))
    exchange.address, exchange.protocol = address, protocol
    exchange.origin = None if origin is None else origin.decode("latin-1")
    exchange.authorization = get(b"authorization")
    exchange.api_key = get(b"x-api-key")
    exchange.asks_for_socket = b"upgrade" in found and _asks_for_socket(scope)
    exchange.doubled = None if len(found) == len(fields) else single_fields.find_doubled(fields)
    exchange.announces_body = b"content-length" in found or b"transfer-encoding" in found
    exchange.has_cookies = b"cookie" in found
    exchange.fetch_site = get(b"sec-fetch-site")
    exchange.delivery = get(b"token-delivery")
    return exchange


def _asks_for_socket(scope: Scope) -> bool:
    upgrade = b",".join(value for name, value in scope["headers"] if name == b"upgrade")
    return handshake.is_asked_for(scope["http_version"], upgrade)


def _trace_of(found: dict[bytes, bytes]) -> tracing.Trace:
    request_id, traceparent = found.get(b"x-request-id"), found.get(b"traceparent")
    return tracing.continue_from(
        request_id.decode("latin-1") if request_id else None,
        traceparent.decode("latin-1") if traceparent else None,
    )


def _new_trace() -> tracing.Trace:
    """As ``continue_from`` without anything to continue, at less cost."""
    if not _parents:
        _parents.extend(_new_parents())
    return tracing.Trace(str(uuid7()), _parents.pop())


TRACES_AT_ONCE = 128
_parents: list[str] = []


def _new_parents() -> list[str]:
    """The traceparents of many requests: the system is asked once for the digits of all."""
    text = urandom(24 * TRACES_AT_ONCE).hex()
    return [f"00-{text[at : at + 32]}-{text[at + 32 : at + 48]}-01" for at in range(0, len(text), 48)]


@lru_cache(maxsize=1024)
def _host_of(value: bytes) -> str:
    return value.decode("latin-1").lower()
