"""Why a page may not act by cookies, and what its developer can do about it. Pure."""

from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost")
_BY_BEARER = "or have it send access tokens (Authorization: Bearer) instead of cookies."


def of(origin: str, fetch_site: bytes | None, gateway: str) -> str:
    """The sentence for a page of ``origin`` ("" where the browser names none) that calls ``gateway``."""
    page_host, host = _host(origin), _host(gateway)
    if page_host != host and {page_host, host} <= set(_LOOPBACK):
        return (
            f"This page is cross-site: open the page on {host} (or call the gateway on {page_host}), since "
            f"browsers keep cookies of {host} from pages of {page_host}; {_BY_BEARER}"
        )
    if fetch_site == b"cross-site":
        return (
            f"This page is cross-site: serve it from the same registrable domain as {host} (as a sibling "
            f"domain that GATEWAY_ALLOWED_ORIGINS names), {_BY_BEARER}"
        )
    if not origin:
        return (
            "A session in cookies wants the browser to say which page sends the request: by Origin, and by "
            "Sec-Fetch-Site if it sends that. A program sends its access token (Authorization: Bearer)."
        )
    return f"Pages of this origin may not act by cookies: name it in GATEWAY_ALLOWED_ORIGINS, {_BY_BEARER}"


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:  # an Origin that is none
        return ""
