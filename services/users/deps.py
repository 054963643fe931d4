"""What the use cases are given from outside."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from flask import current_app

from services.users.avatars.stores import AvatarStore
from shared.contracts.internal import AccountBody, DeletionAskedBody, DeletionBody, StatsBody

EXTENSION = "doorward_users"


class Accounts(Protocol):
    """Where accounts are asked for: auth."""

    def get_account(self, account_id: UUID) -> AccountBody:
        """The account; raises NotFound or ServiceUnavailable."""

    def ask_deletion(self, account_id: UUID, asked: DeletionAskedBody) -> DeletionBody:
        """When the account will be deleted; raises what auth refuses, or ServiceUnavailable."""


class Service(Protocol):
    """Another service that holds something on accounts."""

    def export(self, account_id: UUID) -> Iterator[bytes]:
        """Lines of all that it holds on the account; raises ServiceUnavailable, while they are read too."""


Count = Callable[[UUID], Coroutine[Any, Any, dict[str, StatsBody | None]]]  # None: a service that is away


async def _count_nothing(_account_id: UUID) -> dict[str, StatsBody | None]:
    return {}


@dataclass(frozen=True, slots=True)
class Deps:
    """The clients of other services, and where pictures lie."""

    accounts: Accounts
    avatars: AvatarStore | None = None
    services: Mapping[str, Service] = field(default_factory=dict)
    count: Count = _count_nothing


def deps() -> Deps:
    """What this app was given."""
    given: Deps = current_app.extensions[EXTENSION]
    return given
