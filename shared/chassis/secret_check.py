"""Before a service starts: whether its secrets decrypt what its database holds.

Reads single rows by itself, since a process that only checks has no use for the models.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from shared.chassis.sealing import SealBroken, Sealer, message_purpose
from shared.chassis.settings import ServiceSettings, SettingsError
from shared.contracts import queues

PATIENCE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """How to find one of the newest sealed values of a table, and what it is sealed for.

    ``is_shared``: it is sealed with the secret that all processes share.
    """

    query: str
    purpose: str
    parameters: tuple[str, ...] = ()
    is_shared: bool = False


_WAITING = """
    SELECT sealed FROM outbox WHERE died_at IS NULL AND subscriber = %s ORDER BY available_at DESC LIMIT 1
"""
OUTBOX = tuple(
    Sample(_WAITING, message_purpose(subscriber), (subscriber,), is_shared=True)
    for subscriber in queues.SERVICES
)


def check(service: str, settings: ServiceSettings, samples: Sequence[Sample], *, own_hint: str = "") -> None:
    """Raise SettingsError that names each secret that does not decrypt what ``service`` has stored.

    ``own_hint``: what the service's own secret may have been before. A database that does not answer, or has
    no table yet, is no mistake here: the migration and `/readyz` report it.
    """
    hints = {"JWT": ""} | {service.upper(): own_hint}
    secrets = dict.fromkeys(
        "JWT" if sample.is_shared else service.upper()
        for sample, sealed in _stored(settings, samples)
        if not _opens(settings, sample, sealed)
    )
    if secrets:
        raise SettingsError("\n".join(_sentence(service, secret, hints[secret]) for secret in secrets))


def _stored(settings: ServiceSettings, samples: Sequence[Sample]) -> Iterator[tuple[Sample, str]]:
    url = settings.sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(url, connect_timeout=PATIENCE_SECONDS, autocommit=True) as connection,
    ):
        for sample in samples:
            with suppress(psycopg.ProgrammingError):  # a table or column that a migration has yet to make
                row = connection.execute(sample.query.encode(), sample.parameters).fetchone()
                if row is not None:
                    yield sample, row[0]


def _opens(settings: ServiceSettings, sample: Sample, sealed: str) -> bool:
    secrets = settings.accepted_secrets if sample.is_shared else settings.own_secrets
    try:
        Sealer(secrets, sample.purpose).open(sealed)
    except SealBroken:
        return False
    return True


def _sentence(service: str, secret: str, hint: str) -> str:
    return (
        f"{secret}_SECRET_KEY: cannot decrypt what is in {service}'s database; set the secret that encrypted "
        f"it in {secret}_PREVIOUS_SECRET_KEYS{hint} and run `doorward reseal {service}`."
    )
