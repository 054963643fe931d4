"""The gateway process, assembled."""

from dataclasses import dataclass
from importlib.metadata import version

from gateway import page_limits, pages, readiness, route_source
from gateway.access_log import AccessLog
from gateway.api_keys import ApiKeys
from gateway.console import setup as console
from gateway.console.auth_client import Auth
from gateway.edge import Edge
from gateway.edge_app import GatewayFlask
from gateway.error_pages import ErrorPages
from gateway.hints import Hints
from gateway.hooks import Hooks
from gateway.links import pages as links
from gateway.merged_document import MergedDocument
from gateway.open_streams import OpenStreams
from gateway.own_pages import OwnPages
from gateway.pipeline import Pipeline
from gateway.resources import Resources
from gateway.settings import GatewaySettings
from gateway.sockets.callers import Callers
from gateway.tokens import Tokens
from gateway.upstream.replicas import Service
from gateway.worker_parts import WorkerParts, worker_parts
from shared.chassis import access_tokens
from shared.chassis.app import new_app
from shared.chassis.health import Check

NamedChecks = dict[str, Check]


@dataclass(frozen=True, slots=True)
class Deps:
    """What a test may put in the place of the real thing."""

    auth: Auth | None = None  # for the console's sign-in


def create_app(settings: GatewaySettings | None = None, *, deps: Deps | None = None) -> GatewayFlask:
    """The ASGI (and WSGI) application. Raises SettingsError or RouteFileError if it cannot be one."""
    settings = settings or route_source.settings()
    table = route_source.table(settings)
    services = {name: Service(upstream) for name, upstream in table.upstreams.items()}
    parts = worker_parts(settings, services)
    drain = readiness.Drain()
    checks = readiness.checks(parts.limiter, parts.revocations, parts.keys, services, drain)
    optional_checks = readiness.optional_checks(services)
    app = _flask(settings, checks, optional_checks)
    app.drain = drain
    access_tokens.install(app, settings, parts.keys.find)
    access_log = AccessLog(is_enabled=settings.log_level in {"DEBUG", "INFO"})
    pipeline = Pipeline(
        table,
        services,
        resources=_resources(app, settings, parts, services),
        open_streams=OpenStreams(parts.revocations),
        access_log=access_log,
    )
    document = MergedDocument(
        table,
        services,
        url=str(settings.public_url),
        version=version("doorward"),
        title=settings.brand_name or "Doorward",
    )
    error_pages = _install_pages(app, settings, pipeline, document, checks, deps or Deps())
    parts.run_with(app, access_log)
    hooks = Hooks(app, table)
    app.on_start.append(hooks.settle)
    own_pages = OwnPages(app, checks, optional_checks, access_log, error_pages=error_pages)
    app.edge = Edge(settings, pipeline, own_pages, hooks, error_pages=error_pages)
    return app


def _flask(settings: GatewaySettings, checks: NamedChecks, optional_checks: NamedChecks) -> GatewayFlask:
    app = new_app(
        __name__,
        settings,
        process="gateway",
        flask_class=GatewayFlask,
        checks=checks,
        optional_checks=optional_checks,
        proxy_hops=0,
    )
    assert isinstance(app, GatewayFlask)  # noqa: S101  (new_app makes what it is told to)
    return app


def _resources(
    app: GatewayFlask, settings: GatewaySettings, parts: WorkerParts, services: dict[str, Service]
) -> Resources:
    keys = parts.keys
    return Resources(
        limiter=parts.limiter,
        tokens=Tokens(parts.revocations, keys, parts.receipts, app.app_context),
        keys=keys,
        api_keys=ApiKeys(services.get("auth"), settings),
        callers=Callers(settings.most_websockets_by_caller),
        hints=Hints(is_development=settings.is_development),
    )


def _install_pages(
    app: GatewayFlask,
    settings: GatewaySettings,
    pipeline: Pipeline,
    document: MergedDocument,
    checks: NamedChecks,
    deps: Deps,
) -> ErrorPages:
    """All that the gateway answers itself, and what its errors look like."""
    pages.install(app, settings, document)
    links.install(app, settings)
    error_pages = ErrorPages(app.jinja_env, settings)
    error_pages.install(app)
    page_limits.install(app, settings)
    console.install(app, settings, pipeline, checks, auth=deps.auth)
    return error_pages
