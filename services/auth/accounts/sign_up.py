"""Who may sign up here: anybody, whom an administrator invites, nobody; and with addresses of which domains.

The answer depends on the settings and the domain alone, so it says nothing on a single address.
"""

from typing import Any

from services.auth.deps import deps
from services.auth.errors import DomainRefused, SignUpClosed
from services.auth.passwords.policy import MAXIMUM_LENGTH, MINIMUM_LENGTH


def check(email: str) -> None:
    """Refuse a sign-up that is not offered; raises SignUpClosed, DomainRefused."""
    if deps().settings.sign_up != "open":
        raise SignUpClosed
    check_domain(email)


def check_domain(email: str) -> None:
    """Refuse an address of a domain that is not wanted, its subdomains included; raises DomainRefused."""
    settings = deps().settings
    domain = email.rpartition("@")[2]
    if settings.sign_up_domains and not _lies_in(domain, settings.sign_up_domains):
        raise DomainRefused
    if _lies_in(domain, settings.refused_domains):
        raise DomainRefused


def _lies_in(domain: str, domains: list[str]) -> bool:
    return any(domain == each or domain.endswith(f".{each}") for each in domains)


def describe() -> dict[str, Any]:
    """What is offered, for the pages that offer it."""
    settings = deps().settings
    return {
        "sign_up": settings.sign_up,
        "sign_up_domains": settings.sign_up_domains,
        "sign_in": ["password", "email_code", "passkey"],
        "second_factors": ["totp", "recovery_code"],
        "password": {
            "minimum_length": MINIMUM_LENGTH,
            "maximum_length": MAXIMUM_LENGTH,
            "minimum_score": settings.password_minimum_score,
            "is_checked_for_breaches": bool(
                settings.breached_passwords_file or settings.breached_passwords_url
            ),
        },
    }
