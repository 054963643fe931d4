"""What an API key may be given, pure: the built-in scopes, and those that the operator declares.

A key never may more than its account: what it was given counts only as far as the present roles allow it.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from shared.contracts import tokens

ACCOUNT = tokens.OWN_ACCOUNT_SCOPE
ADMIN = "admin"  # to use the account's roles
ADMIN_ROLE = "admin"
BUILT_IN = (ACCOUNT, ADMIN, tokens.SEND_SCOPE, "notifications:events", "tokens:introspect")
SEND_SCOPE_OF_TOPIC = f"{tokens.SEND_SCOPE}:<topic>"
_OF_ADMINISTRATORS = frozenset(BUILT_IN) - {ACCOUNT}
_ABOUT_A_TOPIC = re.compile(f"{tokens.SEND_SCOPE}:{tokens.TOPIC_NAME}")


def effective(granted: Iterable[str], roles: Collection[str]) -> list[str]:
    """The scopes of a key that count while its account has these roles."""
    return [scope for scope in granted if ADMIN_ROLE in roles or not _is_of_administrators(scope)]


def is_known(scope: str, declared: Sequence[str]) -> bool:
    """Whether keys can be given the scope; topics are known to notifications alone, so any name is one."""
    return scope in all_scopes(declared) or _ABOUT_A_TOPIC.fullmatch(scope) is not None


def all_scopes(declared: Sequence[str]) -> list[str]:
    """Every scope that there is; ``declared``: those of the team's own services."""
    return [*BUILT_IN, *declared]


def _is_of_administrators(scope: str) -> bool:
    return scope in _OF_ADMINISTRATORS or _ABOUT_A_TOPIC.fullmatch(scope) is not None
