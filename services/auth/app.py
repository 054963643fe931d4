"""The auth process, assembled."""

from flask import Flask

from services.auth.deps import EXTENSION, Deps
from services.auth.extensions import idempotency_keys, messages, migrate
from services.auth.models import db
from services.auth.routes import BLUEPRINTS, internal
from services.auth.routes.examples import EXAMPLES
from services.auth.routes.operation_errors import CODES, PASSED_ON
from services.auth.sessions import access_tokens
from services.auth.settings import AuthSettings
from services.auth.throttling import limits
from shared.chassis import access_tokens as verification
from shared.chassis import database
from shared.chassis.app import new_app
from shared.chassis.openapi import Own, new_api
from shared.chassis.verified_tokens import VerifiedTokens


def create_app(settings: AuthSettings | None = None, *, deps: Deps | None = None) -> Flask:
    """The WSGI application. Raises SettingsError where the environment does not describe one."""
    settings = settings or AuthSettings.load()
    own = deps or Deps.from_settings(settings)
    checks = {"database": lambda: database.ping(app, db), "secrets": own.check_secrets}
    app: Flask = new_app(__name__, settings, process="auth", checks=checks)
    app.extensions[EXTENSION] = own
    database.install(app, db, settings)
    migrate.init_app(app, db)
    limits.install(app, settings)
    messages.init_app(app, settings)
    idempotency_keys.init_app(app, settings.own_secrets)
    verified = VerifiedTokens()
    manager = verification.install(app, settings, own.signing_keys.find, verified=verified)
    manager.encode_key_loader(access_tokens.signing_key)
    new_api(app, title="Doorward auth", blueprints=BLUEPRINTS, own=Own(CODES, PASSED_ON, EXAMPLES))
    app.register_blueprint(internal.blueprint)
    return app
