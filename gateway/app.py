"""The gateway process, assembled."""

from dataclasses import dataclass

from gateway import route_file
from gateway.edge import GatewayFlask
from gateway.pipeline import Pipeline
from gateway.settings import GatewaySettings
from gateway.upstream.replicas import Service
from shared.chassis.app import new_app


@dataclass(frozen=True, slots=True)
class Deps:
    """What a test may put in the place of the real thing."""


def create_app(settings: GatewaySettings | None = None, *, deps: Deps | None = None) -> GatewayFlask:
    """The ASGI (and WSGI) application. Raises SettingsError or RouteFileError if it cannot be one."""
    settings = settings or GatewaySettings.load()
    app = new_app(__name__, settings, process="gateway", flask_class=GatewayFlask, proxy_hops=0)
    assert isinstance(app, GatewayFlask)  # noqa: S101  (new_app makes what it is told to)
    app.take_over_hooks()
    table = route_file.load(settings.routes_file, settings.route_variables)
    services = {name: Service(upstream) for name, upstream in table.upstreams.items()}
    app.pipeline = Pipeline(table, services)
    app.hosts = settings.hosts
    app.trusted_proxies = settings.trusted_proxy_count
    app.metrics_port = settings.metrics_port

    async def resolve() -> None:
        for service in services.values():
            await service.resolve()

    app.on_start.append(resolve)
    return app
