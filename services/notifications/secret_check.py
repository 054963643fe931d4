"""Before notifications starts: whether the shared secret decrypts what its database holds."""

from services.notifications.settings import NotificationsSettings
from shared.chassis import secret_check
from shared.chassis.secret_check import OUTBOX, Sample

VARIABLES = "notification-variables"  # what the variables of a message are sealed for
# Among the newest alone: where all are erased, the whole table would be read to find that out.
_MESSAGES = """
    SELECT sealed_variables FROM (SELECT sealed_variables FROM messages ORDER BY created_at DESC LIMIT 1000)
    AS newest WHERE sealed_variables IS NOT NULL LIMIT 1
"""
SAMPLES = (Sample(_MESSAGES, VARIABLES, is_shared=True), *OUTBOX)


def check(settings: NotificationsSettings) -> None:
    """Raise SettingsError where the secret decrypts nothing of what is stored."""
    secret_check.check("notifications", settings, SAMPLES)
