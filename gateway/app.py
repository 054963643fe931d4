"""The gateway process, assembled."""

from dataclasses import dataclass
from importlib.metadata import version

from gateway import measures, page_limits, pages, readiness, route_source
from gateway.access_log import AccessLog
from gateway.api_keys import ApiKeys
from gateway.console import setup as console
from gateway.console.auth_client import Auth
from gateway.edge import Edge, GatewayFlask
from gateway.hooks import Hooks
from gateway.limits.limiter import RouteLimiter
from gateway.links import pages as links
from gateway.merged_document import MergedDocument
from gateway.open_streams import OpenStreams
from gateway.own_pages import OwnPages
from gateway.pipeline import Pipeline
from gateway.receipts import Receipts
from gateway.resources import Resources
from gateway.revocations import Revocations
from gateway.settings import GatewaySettings
from gateway.sockets.callers import Callers
from gateway.token_keys import TokenKeys
from gateway.tokens import Tokens
from gateway.upstream.health import Health
from gateway.upstream.replicas import Service
from shared.chassis import access_tokens
from shared.chassis.access_tokens import published_keys
from shared.chassis.app import new_app
from shared.chassis.health import Check
from shared.chassis.metrics import before_scrape


@dataclass(frozen=True, slots=True)
class Deps:
    """What a test may put in the place of the real thing."""

    auth: Auth | None = None  # for the console's sign-in


def create_app(settings: GatewaySettings | None = None, *, deps: Deps | None = None) -> GatewayFlask:
    """The ASGI (and WSGI) application. Raises SettingsError or RouteFileError if it cannot be one."""
    settings = settings or GatewaySettings.load()
    table = route_source.table(settings)
    services = {name: Service(upstream) for name, upstream in table.upstreams.items()}
    redis_url = settings.redis_url.get_secret_value()
    revocations, receipts = Revocations(redis_url), Receipts(redis_url)
    limiter = RouteLimiter(
        redis_url, timeout_seconds=settings.limiter_timeout_seconds, workers=settings.workers
    )
    drain = readiness.Drain()
    keys = TokenKeys(published_keys(settings, process="gateway"), is_needed=settings.has_published_keys)
    checks = readiness.checks(limiter, revocations, keys, services, drain)
    optional_checks = readiness.optional_checks(services)
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
    access_tokens.install(app, settings, keys.find)
    access_log = AccessLog(is_enabled=settings.log_level in {"DEBUG", "INFO"})
    pipeline = Pipeline(
        table,
        services,
        resources=Resources(
            limiter=limiter,
            tokens=Tokens(revocations, keys, receipts, app.app_context),
            keys=keys,
            api_keys=ApiKeys(services.get("auth"), settings),
            callers=Callers(settings.most_websockets_by_caller),
        ),
        open_streams=OpenStreams(revocations),
        access_log=access_log,
    )
    app.drain = drain
    document = MergedDocument(table, services, url=str(settings.public_url), version=version("doorward"))
    _install_pages(app, settings, pipeline, document, checks, deps or Deps())
    health = Health(services.values())
    app.on_start += [health.start, limiter.start, revocations.start, receipts.start, keys.start]
    app.on_stop += [access_log.stop, measures.stop, health.stop, keys.stop, receipts.stop]
    app.on_stop += [revocations.stop, limiter.stop]
    before_scrape(app, lambda: app.on_loop(measures.stop()))
    app.edge = Edge(settings, pipeline, OwnPages(app, checks, optional_checks, access_log), Hooks(app, table))
    return app


def _install_pages(
    app: GatewayFlask,
    settings: GatewaySettings,
    pipeline: Pipeline,
    document: MergedDocument,
    checks: dict[str, Check],
    deps: Deps,
) -> None:
    """All that the gateway answers itself."""
    pages.install(app, settings, document)
    links.install(app)
    page_limits.install(app, settings)
    console.install(app, settings, pipeline, checks, auth=deps.auth)
