"""Where the links lead that callers put into mails: https, to hosts that the operator has named. Pure."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from services.notifications.errors import LinkRefused

LINK = "link"


def check(variables: Mapping[str, str], hosts: Collection[str], links: Collection[str] = ()) -> None:
    """Raise LinkRefused where a link leads elsewhere: what is called one, and what the template makes one."""
    for name, value in variables.items():
        is_link = name in links or name == LINK or name.endswith(f"_{LINK}")
        if is_link and not _is_allowed(value, hosts):
            raise LinkRefused(errors=[{"pointer": f"/variables/{name}", "detail": LinkRefused.detail}])


def _is_allowed(link: str, hosts: Collection[str]) -> bool:
    # Browsers drop tabs and line ends, and read a backslash as a slash; what is checked is what they read.
    if not link.isascii() or not link.isprintable() or "\\" in link or " " in link:
        return False
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return False
    is_plain = parts.username is None and parts.password is None and port in {None, 443}
    return parts.scheme == "https" and is_plain and parts.hostname in hosts
