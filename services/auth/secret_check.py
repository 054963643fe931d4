"""Before auth starts: whether its secrets decrypt what its database holds."""

from services.auth.settings import AuthSettings
from shared.chassis import secret_check
from shared.chassis.secret_check import OUTBOX, Sample

KEPT_KEY = "kept-key"  # what the rows of kept_keys are sealed for
SIGNING_KEY = "signing-key"  # and the private halves in signing_keys
_SIGNING_KEYS = """
    SELECT sealed_private_key FROM signing_keys
    WHERE accepted_until IS NULL OR accepted_until > now() ORDER BY signs_from DESC LIMIT 1
"""
SAMPLES = (
    Sample("SELECT sealed FROM kept_keys ORDER BY name LIMIT 1", KEPT_KEY),
    Sample(_SIGNING_KEYS, SIGNING_KEY),
    *OUTBOX,
)


def check(settings: AuthSettings) -> None:
    """Raise SettingsError where a secret decrypts nothing of what is stored."""
    hint = " (before auth had its own, that was JWT_SECRET_KEY)"
    secret_check.check("auth", settings, SAMPLES, own_hint=hint)
