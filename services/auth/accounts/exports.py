"""Moving out: every account as a line that another Doorward takes in."""

from collections.abc import Iterator

import orjson

from services.auth.accounts import imported_factors
from services.auth.models import Account
from services.auth.store import accounts


def give_out(*, with_factors: bool) -> Iterator[bytes]:
    """Every account as a line, its hash included, oldest first."""
    for account in accounts.list_all():
        content = _describe(account) | (imported_factors.describe(account.id) if with_factors else {})
        yield orjson.dumps(content, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _describe(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "email": account.email,
        "password_hash": account.password_hash,
        "name": account.display_name,
        "locale": account.locale,
        "roles": account.roles,
        "verified": account.verified_at is not None,
        "active": account.is_active,
        "created_at": account.created_at,
    }
