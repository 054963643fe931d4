"""The console, bound to an app: Flask-Login, the session on the server, CSRF protection."""

from datetime import timedelta

from flask import Flask
from flask_login import LoginManager
from flask_session import Session
from flask_wtf import CSRFProtect
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gateway.console import sessions, views
from gateway.console.auth_client import Auth, AuthClient
from gateway.console.operators import LIFETIME, REMEMBERED_LIFETIME, Operators
from gateway.console.overview import Overview
from gateway.pipeline import Pipeline
from gateway.settings import GatewaySettings
from shared.chassis.errors import Unavailable, handle_api_error
from shared.chassis.health import Check
from shared.chassis.sealing import Sealer

REDIS_SECONDS = 1.0

login = LoginManager()
login.login_view = "console.sign_in"
login.login_message = ""
# The session ends when it turns up with another address or browser.
login.session_protection = "strong"
server_session = Session()
csrf = CSRFProtect()


def install(
    app: Flask,
    settings: GatewaySettings,
    pipeline: Pipeline,
    checks: dict[str, Check],
    auth: Auth | None = None,
) -> None:
    """Serve `/console`."""
    redis: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),  # the client's own waits for seconds in between
    )
    _configure(app, settings, redis)
    server_session.init_app(app)
    app.session_interface = sessions.SessionsThatMayBeAway(app.session_interface)
    app.before_request(sessions.check)
    app.register_error_handler(RedisError, lambda _: handle_api_error(Unavailable()))
    login.init_app(app)
    csrf.init_app(app)
    auth = auth or AuthClient(str(settings.auth_url))
    sealer = Sealer([settings.session_secret_key.get_secret_value()], "console-operators")
    operators = Operators(redis, sealer, auth, pipeline.resources.tokens)
    login.user_loader(operators.find)
    app.extensions["console"] = views.Console(operators, auth, Overview(pipeline, checks))
    app.register_blueprint(views.blueprint)


def _configure(app: Flask, settings: GatewaySettings, redis: Redis) -> None:
    is_secure = settings.public_url.scheme == "https"
    # The prefix makes browsers insist on what the name says (RFC 6265bis section 4.1.3).
    prefix = "__Secure-" if is_secure else ""
    app.config.update(
        PRODUCT=settings.brand_name or "Doorward",
        SECRET_KEY=settings.session_secret_key.get_secret_value(),
        SESSION_TYPE="redis",
        SESSION_REDIS=redis,
        SESSION_KEY_PREFIX="doorward:console:session:",
        SESSION_PERMANENT=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        SESSION_COOKIE_NAME=f"{prefix}doorward_console",
        SESSION_COOKIE_PATH="/console",
        SESSION_COOKIE_SECURE=is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        REMEMBER_COOKIE_NAME=f"{prefix}doorward_remember",
        REMEMBER_COOKIE_PATH="/console",
        REMEMBER_COOKIE_DURATION=timedelta(days=REMEMBERED_LIFETIME.days),
        REMEMBER_COOKIE_SECURE=is_secure,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Strict",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # SameSite and the token hold without a Referer, which we do not send
    )
