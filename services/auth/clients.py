"""Where a request comes from: the client's address, its user agent, the device that it says it is.

The address is what the one trusted proxy says of its client, counted from the right (see the chassis).
"""

import ipaddress
from dataclasses import dataclass
from uuid import UUID

from flask import request

from shared.contracts.delivery import DEVICE_COOKIE

LONGEST_USER_AGENT = 400
DEVICE_HEADER = "X-Device-Token"


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever sent the request, as far as the request tells."""

    ip: str
    user_agent: str
    device_token: str | None = None
    organization_id: UUID | None = None  # that it wants to work for once it is signed in

    @property
    def network(self) -> str:
        """What one person may be expected to hold: an IPv4 address, or an IPv6 /64."""
        return network_of(self.ip)


def network_of(ip: str) -> str:
    """The address itself for IPv4, its /64 for IPv6, which a household has at its disposal."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if address.version == 4:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def current_client(organization_id: UUID | None = None) -> Client:
    """The client of the request that is being handled, and the organization that it signs in for."""
    token = request.headers.get(DEVICE_HEADER) or request.cookies.get(DEVICE_COOKIE)
    return Client(
        ip=request.remote_addr or "",
        user_agent=_printable(request.user_agent.string)[:LONGEST_USER_AGENT],
        device_token=token if token and len(token) <= 100 else None,
        organization_id=organization_id,
    )


def _printable(text: str) -> str:
    return "".join(mark for mark in text if mark.isprintable())
