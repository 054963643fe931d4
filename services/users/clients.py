"""What users asks of other services."""

from uuid import UUID

from services.users.settings import UsersSettings
from shared.chassis.internal_client import InternalClient
from shared.contracts.internal import AccountBody


class AuthClient:
    """auth owns the account; users mirrors its address, roles and state."""

    def __init__(self, settings: UsersSettings) -> None:
        self._client = InternalClient(settings, process="users", base_url=str(settings.auth_url))

    def get_account(self, account_id: UUID) -> AccountBody:
        """The account; raises NotFound or ServiceUnavailable."""
        return self._client.get(f"/internal/accounts/{account_id}", AccountBody)
