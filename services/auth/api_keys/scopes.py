"""What an API key may be given, pure: the built-in scopes, and those that the operator declares.

A key never may more than its account: what it was given counts only as far as the present roles allow it.
"""

from collections.abc import Collection, Iterable, Sequence

from shared.contracts import tokens

ACCOUNT = tokens.OWN_ACCOUNT_SCOPE
ADMIN = "admin"  # to use the account's roles
ADMIN_ROLE = "admin"
BUILT_IN = (ACCOUNT, ADMIN, "notifications:send", "notifications:events", "tokens:introspect")
_OF_ADMINISTRATORS = frozenset(BUILT_IN) - {ACCOUNT}


def effective(granted: Iterable[str], roles: Collection[str]) -> list[str]:
    """The scopes of a key that count while its account has these roles."""
    return [scope for scope in granted if ADMIN_ROLE in roles or scope not in _OF_ADMINISTRATORS]


def all_scopes(declared: Sequence[str]) -> list[str]:
    """Every scope that there is; ``declared``: those of the team's own services."""
    return [*BUILT_IN, *declared]
