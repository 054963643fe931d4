"""Who passkeys are for (WebAuthn): the domain that they belong to, and the origins that may use them."""

from ipaddress import ip_address

from services.auth.settings import AuthSettings

LOCALHOST = "localhost"


def domain(settings: AuthSettings) -> str:
    """The relying party's id. Browsers take no address for one: on the loopback it is `localhost`."""
    host = settings.public_url.host or LOCALHOST
    return settings.passkey_domain or (LOCALHOST if _is_loopback(host) else host)


def name(settings: AuthSettings) -> str:
    """What browsers and authenticator apps call whose accounts these are: the product, or the domain."""
    return settings.brand_name or domain(settings)


def origins(settings: AuthSettings) -> list[str]:
    """The origins of pages that may use passkeys."""
    own = str(settings.public_url).rstrip("/")
    local = []
    if _is_loopback(settings.public_url.host or ""):
        local.append(f"{settings.public_url.scheme}://{LOCALHOST}:{settings.public_url.port}")
    return [own, *local, *settings.passkey_origins]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
