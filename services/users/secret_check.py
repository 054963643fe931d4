"""Before users starts: whether the shared secret decrypts what its database holds."""

from services.users.settings import UsersSettings
from shared.chassis import secret_check


def check(settings: UsersSettings) -> None:
    """Raise SettingsError where the secret decrypts nothing of what is stored."""
    secret_check.check("users", settings, secret_check.OUTBOX)
