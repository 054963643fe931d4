"""A secret that does not decrypt what is stored stops every way to start, before anything is changed."""

from collections.abc import Callable, Iterator
from importlib import import_module

import flask_migrate
import psycopg
import pytest

from deploy import preflight
from deploy.cli import doorward
from deploy.processes import SERVICES, load_settings
from shared.chassis.sealing import Sealer, message_purpose
from shared.chassis.settings import SettingsError
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import OWN_SECRET, SECRET

NEW = "the next secret of more than thirty-two bytes"
OUTBOX = """
    INSERT INTO outbox (message_id, subscriber, name, sealed, trace, attempts, available_at, created_at)
    VALUES (gen_random_uuid(), 'users', 'x', %s, '{}', 0, now(), now())
"""
KEPT_KEY = "INSERT INTO kept_keys (name, sealed, created_at) VALUES ('codes', %s, now())"
SIGNING_KEY = """
    INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private_key, created_at, signs_from)
    VALUES ('x', 'EdDSA', '{}', %s, now(), now())
"""
MESSAGE = """
    INSERT INTO messages (id, template, locale, topic, sealed_variables, created_at)
    VALUES (gen_random_uuid(), 'message', 'en', 'account', %s, now())
"""
# What rests where, what it is sealed for, and the variable whose secret seals it.
STORED = [
    ("auth", KEPT_KEY, "kept-key", "AUTH"),
    ("auth", SIGNING_KEY, "signing-key", "AUTH"),
    ("notifications", MESSAGE, "notification-variables", "JWT"),
    *((service, OUTBOX, message_purpose("users"), "JWT") for service in SERVICES),
]
Store = Callable[[str, str, str, str], None]


@pytest.fixture
def store(
    service_database: ServiceDatabases, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """Stores a sealed value in a service's migrated database; every process is has the same secrets."""
    secrets = {"JWT": SECRET, "AUTH": OWN_SECRET}
    variables = {
        **{f"{name}_SECRET_KEY": secret for name, secret in secrets.items()},
        **{f"{name.upper()}_DATABASE_URL": service_database(name).url for name in SERVICES},
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "NOTIFICATIONS_SMTP_HOST": "127.0.0.1",
        "NOTIFICATIONS_MAIL_FROM": "no-reply@doorward.test",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    apps = []

    def seal(service: str, statement: str, purpose: str, secret: str) -> None:
        app = import_module(f"services.{service}.app").create_app(load_settings(service))
        apps.append(app)
        service_database(service).migrate(app)
        sealed = Sealer([secrets[secret]], purpose).seal(b"{}")
        with psycopg.connect(service_database(service).url) as connection:
            connection.execute(statement.encode(), (sealed,))

    yield seal
    for app in apps:
        with app.app_context():
            app.extensions["migrate"].db.engine.dispose()


@pytest.mark.parametrize(("service", "statement", "purpose", "secret"), STORED)
def test_secret_that_decrypts_nothing_is_named_with_the_remedy(
    store: Store, monkeypatch: pytest.MonkeyPatch, service: str, statement: str, purpose: str, secret: str
) -> None:
    store(service, statement, purpose, secret)
    preflight.check_stored(SERVICES)
    former = load_settings(service)
    monkeypatch.setenv(f"{secret}_SECRET_KEY", NEW)

    with pytest.raises(SettingsError) as refused:
        preflight.check_stored(SERVICES)

    assert str(refused.value).startswith(
        f"{secret}_SECRET_KEY: cannot decrypt what is in {service}'s database; set the secret that encrypted "
        f"it in {secret}_PREVIOUS_SECRET_KEYS"
    )
    assert len(str(refused.value).splitlines()) == 1
    accepted = (former.own_secrets if secret == "AUTH" else former.accepted_secrets)[0]
    monkeypatch.setenv(f"{secret}_PREVIOUS_SECRET_KEYS", accepted)
    preflight.check_stored(SERVICES)


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_no_command_changes_anything_before_it_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    store("notifications", MESSAGE, "notification-variables", "JWT")
    monkeypatch.setenv("JWT_SECRET_KEY", NEW)
    migrated: list[str] = []
    monkeypatch.setattr(flask_migrate, "upgrade", lambda: migrated.append(command))

    with pytest.raises(SettingsError, match=r"^JWT_SECRET_KEY: cannot decrypt"):
        doorward.main([command, "notifications"], standalone_mode=False)

    assert migrated == []


def test_database_that_is_away_or_has_no_tables_is_no_mistake_of_a_secret(
    store: Store, monkeypatch: pytest.MonkeyPatch, service_database: ServiceDatabases
) -> None:
    monkeypatch.setenv("AUTH_DATABASE_URL", "postgresql://x:y@127.0.0.1:1/z")
    monkeypatch.setenv("USERS_DATABASE_URL", service_database("without_tables").url)

    preflight.check_stored(SERVICES)
