"""Who is asking: the client's address and scheme, believed only from proxies that we were told of."""

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

Pairs = list[tuple[bytes, bytes]]
LONGEST_TEXT = 64
# Some proxies write the client's port behind its address, and IPv6 in brackets (RFC 7239 section 6).
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.%a-z]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


class RequestSource(NamedTuple):
    """The client as the gateway sees it."""

    address: str
    protocol: str


def client_of(headers: Pairs, peer: str, scheme: str, *, trusted_proxies: int) -> RequestSource:
    """The client behind ``trusted_proxies`` proxies, counted from the right of X-Forwarded-For.

    What stands further left was written by the client itself and is worth nothing (CVE-2026-3635). The scheme
    is often written by the outermost proxy alone, the others pass it on.
    """
    if not trusted_proxies:
        return _peer(peer, scheme)
    addresses = _listed(headers, b"x-forwarded-for")
    protocols = _listed(headers, b"x-forwarded-proto")
    address = addresses[-trusted_proxies] if len(addresses) >= trusted_proxies else peer
    protocol = protocols[-min(trusted_proxies, len(protocols))] if protocols else scheme
    return RequestSource(
        _normal(address) or _normal(peer), protocol if protocol in {"http", "https"} else scheme
    )


def _listed(headers: Pairs, name: bytes) -> list[str]:
    text = b",".join(value for key, value in headers if key == name).decode("latin-1")
    return [item.strip() for item in text.split(",")] if text else []


@lru_cache(maxsize=4096)
def _peer(peer: str, scheme: str) -> RequestSource:
    return RequestSource(_normal(peer), scheme)


@lru_cache(maxsize=4096)
def _normal(text: str) -> str:
    """One spelling for one address, so that a limit cannot be had twice; "" for what is none."""
    match = _WITH_PORT.fullmatch(text[:LONGEST_TEXT])
    bare = (match[1] or match[2]) if match else text[:LONGEST_TEXT]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=4096)
def limit_key(address: str) -> str:
    """Whom a limit by address counts: an IPv4 address, or the /64 that one IPv6 customer has."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address) + "/64"
