"""Who asks is counted from the right, in whatever form the proxies write it."""

import pytest

from gateway.client_address import client_of, limit_key

PEER = "192.0.2.1"


def client(address: str | None = None, protocol: str | None = None, *, proxies: int = 1) -> tuple[str, str]:
    fields = {b"x-forwarded-for": address, b"x-forwarded-proto": protocol}
    headers = [(name, value.encode()) for name, value in fields.items() if value is not None]
    return tuple(client_of(headers, PEER, "http", trusted_proxies=proxies))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::1]:51234", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("unknown", PEER),
        ("203.0.113.9:x", PEER),
        ("203.0.113.9:1:2", PEER),
        ("[203.0.113.9", PEER),
        ("", PEER),
    ],
)
def test_an_address_has_one_spelling_without_its_port(written: str, address: str) -> None:
    assert client(written)[0] == address
    assert limit_key(address)


def test_what_stands_left_of_the_proxies_is_not_believed() -> None:
    assert client("1.1.1.1, 203.0.113.9, 198.51.100.1", proxies=2)[0] == "203.0.113.9"
    assert client("203.0.113.9", proxies=2)[0] == PEER  # a proxy is missing
    assert client("203.0.113.9", proxies=0) == (PEER, "http")


@pytest.mark.parametrize(
    ("written", "proxies", "protocol"),
    [
        ("https", 1, "https"),
        ("https", 2, "https"),
        ("https", 3, "https"),
        ("http, https", 2, "http"),
        ("http, https", 1, "https"),
        ("http, https, http", 2, "https"),
        ("ftp", 1, "http"),
        (None, 2, "http"),
        ("https", 0, "http"),
    ],
)
def test_the_scheme_may_be_written_by_the_outermost_proxy_alone(
    written: str | None, proxies: int, protocol: str
) -> None:
    assert client("203.0.113.9, 198.51.100.1, 198.51.100.2", written, proxies=proxies)[1] == protocol
