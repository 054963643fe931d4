"""The processes that serve and work: where the settings and the code of each are."""

from importlib import import_module
from typing import NamedTuple

from shared.chassis.settings import ProcessSettings


class Process(NamedTuple):
    """One process of the backend by import paths, so that none is imported before its turn."""

    settings: str
    app: str
    worker_class: str
    has_threads: bool = False


def _service(name: str) -> Process:
    settings = f"services.{name}.settings:{name.capitalize()}Settings"
    app = f"services.{name}.app:create_app()"
    return Process(settings, app, "shared.serving.wsgi_worker.WsgiWorker", has_threads=True)


SERVICES = ("auth", "users", "notifications")
PROCESSES = {
    # The gateway waits for others most of the time: an event loop holds thousands of such requests.
    "gateway": Process(
        "gateway.settings:GatewaySettings", "gateway.app:create_app()", "gateway.server.GatewayWorker"
    ),
    **{name: _service(name) for name in SERVICES},
}


def load_settings(name: str) -> ProcessSettings:
    """The settings of a process; raises SettingsError that names every bad variable."""
    return settings_class(name).load()


def settings_class(name: str) -> type[ProcessSettings]:
    """What declares the settings of a process."""
    module, _, attribute = PROCESSES[name].settings.partition(":")
    found: type[ProcessSettings] = getattr(import_module(module), attribute)
    return found
