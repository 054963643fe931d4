"""The notifications process, assembled."""

from flask import Flask

from services.notifications import metrics as counts
from services.notifications.delivery import reports
from services.notifications.deps import EXTENSION, Deps
from services.notifications.extensions import idempotency_keys, mail, messages, migrate
from services.notifications.models import db
from services.notifications.routes import BLUEPRINTS, internal
from services.notifications.routes.examples import EXAMPLES
from services.notifications.routes.operation_errors import CODES, PASSED_ON
from services.notifications.settings import NotificationsSettings
from services.notifications.store import statements
from shared.chassis import access_tokens, database, metrics
from shared.chassis.access_tokens import published_keys
from shared.chassis.app import new_app
from shared.chassis.openapi import Own, new_api
from shared.chassis.verified_tokens import VerifiedTokens


def create_app(settings: NotificationsSettings | None = None, *, deps: Deps | None = None) -> Flask:
    """The WSGI application. Raises SettingsError where the environment does not describe one."""
    settings = settings or NotificationsSettings.load()
    app = new_app(
        __name__,
        settings,
        process="notifications",
        checks={"database": lambda: database.ping(app, db)},
        details=reports.details,
    )
    database.install(app, db, settings)
    statements.install(app)
    migrate.init_app(app, db)
    mail.init_app(app)
    metrics.before_scrape(app, counts.measure)
    messages.init_app(app, settings)
    idempotency_keys.init_app(app, settings.accepted_secrets)
    keys = published_keys(settings, process="notifications")
    access_tokens.install(app, settings, keys.find, verified=VerifiedTokens())
    app.extensions[EXTENSION] = deps or Deps.from_settings(settings)
    new_api(app, title="Doorward notifications", blueprints=BLUEPRINTS, own=Own(CODES, PASSED_ON, EXAMPLES))
    app.register_blueprint(internal.blueprint)
    return app
