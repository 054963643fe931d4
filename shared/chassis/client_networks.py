"""Client networks: the least part of an address that one client is sure to have for itself alone."""

from ipaddress import IPv6Address, ip_address, ip_network


def network_of(address: str | None) -> str:
    """The address itself for IPv4, its /64 for IPv6, which one household chooses from at will.

    What is no address (a unix socket has none) is a network of its own.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((int(parsed), 64), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
