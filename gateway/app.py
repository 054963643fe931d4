"""The gateway process, assembled."""

from dataclasses import dataclass

from gateway import route_source
from gateway.edge import GatewayFlask
from gateway.limits.limiter import Limiter
from gateway.pipeline import Pipeline
from gateway.revocations import Revocations
from gateway.settings import GatewaySettings
from gateway.tokens import Tokens
from gateway.upstream.replicas import Service
from shared.chassis import access
from shared.chassis.app import new_app


@dataclass(frozen=True, slots=True)
class Deps:
    """What a test may put in the place of the real thing."""


def create_app(settings: GatewaySettings | None = None, *, deps: Deps | None = None) -> GatewayFlask:  # noqa: ARG001
    """The ASGI (and WSGI) application. Raises SettingsError or RouteFileError if it cannot be one."""
    settings = settings or GatewaySettings.load()
    app = new_app(__name__, settings, process="gateway", flask_class=GatewayFlask, proxy_hops=0)
    assert isinstance(app, GatewayFlask)  # noqa: S101  (new_app makes what it is told to)
    app.take_over_hooks()
    access.install(app, settings)
    redis_url = settings.redis_url.get_secret_value()
    table = route_source.table(settings)
    services = {name: Service(upstream) for name, upstream in table.upstreams.items()}
    revocations = Revocations(redis_url)
    limiter = Limiter(redis_url, timeout_seconds=settings.limiter_timeout_seconds, workers=settings.workers)
    app.pipeline = Pipeline(table, services, limiter=limiter, tokens=Tokens(revocations))
    app.hosts = settings.hosts
    app.trusted_proxies = settings.trusted_proxy_count
    app.metrics_port = settings.metrics_port
    app.drain_seconds = settings.drain_seconds

    async def resolve() -> None:
        for service in services.values():
            await service.resolve()

    app.on_start += [resolve, limiter.start, revocations.start]
    app.on_stop += [revocations.stop, limiter.stop]
    return app
