"""The factory that every process's ``create_app`` starts from: one Flask app, nothing bound to a service."""

from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

import orjson
from flask import Flask, Response, g, request
from flask.json.provider import JSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from shared.chassis import deadlines, errors, health, logs, metrics, tracing
from shared.chassis.settings import ProcessSettings


class OrjsonProvider(JSONProvider):
    """Flask's JSON through orjson: RFC 3339 times with ``Z``, UUIDs as text."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        """``obj`` as JSON text; raises TypeError for what has no form there: a secret shall not get one."""
        options = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS
        return orjson.dumps(obj, option=options).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """The value that the JSON text ``s`` stands for."""
        return orjson.loads(s)


class DoorwardFlask(Flask):
    """Flask with our JSON."""

    json_provider_class = OrjsonProvider

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._plain_code: set[CodeType] = set()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As Flask has it, but each function is looked at once and not at every request."""
        code = getattr(func, "__code__", None)
        if code in self._plain_code:
            return func
        found = super().ensure_sync(func)
        if found is func and code is not None:
            self._plain_code.add(code)
        return found


def new_app(
    import_name: str,
    settings: ProcessSettings,
    *,
    process: str,
    flask_class: type[Flask] = DoorwardFlask,
    checks: Mapping[str, health.Check] | None = None,
    optional_checks: Mapping[str, health.Check] | None = None,
    details: Callable[[], Mapping[str, Any]] | None = None,
    proxy_hops: int = 1,
) -> Flask:
    """A Flask app with errors, logs, trace, metrics and health in place.

    ``proxy_hops`` proxies in front are believed about the client's address, counted from the right;
    a service trusts one, the gateway.
    """
    app = flask_class(import_name, static_folder=None)
    app.extensions["doorward_settings"] = settings
    app.config.update(MAX_CONTENT_LENGTH=settings.max_body_bytes, PROPAGATE_EXCEPTIONS=False)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    logs.install(process, settings.log_level)
    errors.install(app)
    _install_tracing(app)
    metrics.install(app, process)
    deadlines.install(app)
    health.install(app, checks or {}, optional_checks, details)
    if proxy_hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxy_hops, x_proto=proxy_hops)  # type: ignore[method-assign]
    return app


def _install_tracing(app: Flask) -> None:
    @app.before_request
    def begin_trace() -> None:
        environ = request.environ
        trace = environ[tracing.ENVIRON_KEY] = tracing.from_environ(environ)
        g.trace, g.trace_scope = trace, tracing.begin(trace)

    @app.after_request
    def name_request(response: Response) -> Response:
        trace = g.get("trace")
        if trace is not None:
            response.headers[tracing.REQUEST_ID_HEADER] = trace.request_id
        return response

    @app.teardown_request
    def end_trace(_error: BaseException | None) -> None:
        scope = g.pop("trace_scope", None)
        if scope is not None:
            tracing.end(scope)
