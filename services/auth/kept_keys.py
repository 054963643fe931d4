"""Random keys that belong to auth's database and outlive auth's secret, under which they rest sealed.

So what is hashed under one (recovery codes, counts of failures, mailed codes) stays good when the secret is
rotated; only the key itself is sealed anew.
"""

import secrets
import threading

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import KeptKey
from services.auth.secret_check import KEPT_KEY
from services.auth.settings import AuthSettings
from shared.chassis.clock import utcnow
from shared.chassis.database import new_engine_beside
from shared.chassis.sealing import Sealer

CODES = "codes"


class KeptKeys:
    """The keys as one process knows them."""

    def __init__(self, settings: AuthSettings) -> None:
        self._engine = new_engine_beside(settings)
        self.sealer = Sealer(settings.own_secrets, KEPT_KEY)
        self._lock = threading.Lock()
        self._codes: bytes | None = None

    def codes(self) -> bytes:
        """The key of codes, made by whoever first needs it; raises SealBroken where no secret opens it."""
        if self._codes is None:
            with self._lock:
                self._codes = self._codes or self._read(CODES)
        return self._codes

    def _read(self, name: str) -> bytes:
        find = select(KeptKey.sealed).where(KeptKey.name == name)
        fresh = self.sealer.seal(secrets.token_bytes(32))
        make = insert(KeptKey).values(name=name, sealed=fresh, created_at=utcnow())
        with self._engine.begin() as connection:
            sealed = connection.scalar(find)
        if sealed is None:
            with self._engine.begin() as connection:
                connection.execute(make.on_conflict_do_nothing())
                sealed = connection.scalar(find)
        return self.sealer.open(str(sealed))
