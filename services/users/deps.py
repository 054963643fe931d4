"""What the use cases are given from outside."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from flask import current_app

from shared.contracts.internal import AccountBody

EXTENSION = "doorward_users"


class Accounts(Protocol):
    """Where accounts are asked for: auth."""

    def get_account(self, account_id: UUID) -> AccountBody:
        """The account; raises NotFound or ServiceUnavailable."""


@dataclass(frozen=True, slots=True)
class Deps:
    """The clients of other services."""

    accounts: Accounts


def deps() -> Deps:
    """What this app was given."""
    given: Deps = current_app.extensions[EXTENSION]
    return given
