"""Before auth starts: whether its secret opens what its database holds.

Reads one row by itself, since a process that only checks has no use for the models.
"""

import psycopg

from services.auth.settings import AuthSettings
from shared.chassis.sealing import SealBroken, Sealer
from shared.chassis.settings import SettingsError

PURPOSE = "kept-key"  # what the rows of kept_keys are sealed for
PATIENCE_SECONDS = 3
_FIND = "SELECT sealed FROM kept_keys ORDER BY name LIMIT 1"


def check(settings: AuthSettings) -> None:
    """Raise SettingsError where none of auth's secrets opens the stored key.

    A database that does not answer, or has no table yet, says nothing: `/readyz` tells of it.
    """
    sealed = _find_sealed(settings)
    if sealed is None:
        return
    try:
        Sealer(settings.own_secrets, PURPOSE).open(sealed)
    except SealBroken as error:
        raise SettingsError(
            "AUTH_SECRET_KEY: cannot decrypt what is in auth's database; set the secret that encrypted it "
            "in AUTH_PREVIOUS_SECRET_KEYS (before auth had its own, that was JWT_SECRET_KEY) and run "
            "`doorward reseal auth`."
        ) from error


def _find_sealed(settings: AuthSettings) -> str | None:
    url = settings.sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(url, connect_timeout=PATIENCE_SECONDS) as connection:
            row = connection.execute(_FIND).fetchone()
    except psycopg.Error:
        return None
    return row[0] if row else None
