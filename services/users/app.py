"""The users process, assembled."""

from typing import Any

from flask import Flask

from services.users.avatars.stores import store_of
from services.users.cache import memos
from services.users.cache.profiles import profiles as cache
from services.users.clients import AuthClient, Counter, services_of
from services.users.deps import EXTENSION, Deps
from services.users.extensions import idempotency_keys, messages, migrate
from services.users.models import db
from services.users.profiles.reading import CallerProfile
from services.users.routes import BLUEPRINTS
from services.users.routes.examples import EXAMPLES
from services.users.routes.operation_errors import CODES, PASSED_ON
from services.users.settings import UsersSettings
from shared.chassis import access_tokens, database
from shared.chassis.access_tokens import published_keys
from shared.chassis.app import new_app
from shared.chassis.ids import parse_id
from shared.chassis.openapi import Own, new_api
from shared.chassis.verified_tokens import VerifiedTokens
from shared.contracts import tokens


def create_app(settings: UsersSettings | None = None, *, deps: Deps | None = None) -> Flask:
    """The WSGI application. Raises SettingsError where the environment does not describe one."""
    settings = settings or UsersSettings.load()
    app = new_app(__name__, settings, process="users", checks={"database": lambda: database.ping(app, db)})
    database.install(app, db, settings)
    migrate.init_app(app, db)
    cache.init_app(app, settings)
    memos.install(app, settings)
    messages.init_app(app, settings)
    idempotency_keys.init_app(app, settings.accepted_secrets)
    keys = published_keys(settings, process="users")
    manager = access_tokens.install(app, settings, keys.find, verified=VerifiedTokens())
    manager.user_lookup_loader(_profile_of_caller)
    app.extensions[EXTENSION] = deps or _new_deps(settings)
    new_api(app, title="Doorward users", blueprints=BLUEPRINTS, own=Own(CODES, PASSED_ON, EXAMPLES))
    return app


def _new_deps(settings: UsersSettings) -> Deps:
    return Deps(
        accounts=AuthClient(settings),
        avatars=store_of(settings),
        services=services_of(settings),
        count=Counter(settings).count,
    )


def _profile_of_caller(_header: dict[str, Any], claims: dict[str, Any]) -> CallerProfile:
    """flask-jwt-extended's ``current_user``: the profile of whoever the token speaks for."""
    return CallerProfile(parse_id(claims[tokens.SUBJECT]))
