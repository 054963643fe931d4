"""What users asks of other services."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from services.users.settings import UsersSettings
from shared.chassis import fan_out
from shared.chassis.internal_client import InternalClient
from shared.contracts.internal import AccountBody, DeletionAskedBody, DeletionBody, StatsBody


class AuthClient:
    """auth owns the account; users mirrors its address, roles and state."""

    def __init__(self, settings: UsersSettings) -> None:
        self._client = InternalClient(settings, process="users", base_url=str(settings.auth_url))

    def get_account(self, account_id: UUID) -> AccountBody:
        """The account; raises NotFound or ServiceUnavailable."""
        return self._client.get(f"/internal/accounts/{account_id}", AccountBody)

    def ask_deletion(self, account_id: UUID, asked: DeletionAskedBody) -> DeletionBody:
        """When the account will be deleted; raises what auth refuses, or ServiceUnavailable."""
        return self._client.post(f"/internal/accounts/{account_id}/deletion", asked, DeletionBody)


class ServiceClient:
    """Another service, as far as all of them are alike."""

    def __init__(self, settings: UsersSettings, base_url: str) -> None:
        self._client = InternalClient(settings, process="users", base_url=base_url)

    def export(self, account_id: UUID) -> Iterator[bytes]:
        """Lines of all that the service holds on the account; raises ServiceUnavailable."""
        return self._client.stream_lines(f"/internal/accounts/{account_id}/export")


def services_of(settings: UsersSettings) -> Mapping[str, ServiceClient]:
    """The other services, by name."""
    return {name: ServiceClient(settings, url) for name, url in _urls(settings).items()}


class Counter:
    """What the other services count, asked at once."""

    def __init__(self, settings: UsersSettings) -> None:
        self._settings = settings

    async def count(self, account_id: UUID) -> dict[str, StatsBody | None]:
        """By service; None for one that does not answer in time."""
        path = f"/internal/accounts/{account_id}/stats"
        return await fan_out.ask_all(self._settings, _urls(self._settings), path, StatsBody, process="users")


def _urls(settings: UsersSettings) -> dict[str, str]:
    return {"auth": str(settings.auth_url), "notifications": str(settings.notifications_url)}
