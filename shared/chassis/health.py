"""Health: `/livez` says that the process runs, `/readyz` whether it can do its work."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Flask, Response, jsonify

from shared.chassis import errors, metrics
from shared.chassis.logs import get_logger

Check = Callable[[], None]  # raises when what it looks at is down

log = get_logger(__name__)


class NotReady(errors.Unavailable):
    """Something that this process needs is down; ``checks`` says what."""

    code = "not_ready"
    detail = "Something that this process needs is down."


def run_checks(checks: Mapping[str, Check]) -> dict[str, str]:
    """``pass`` or ``fail`` by name; causes go to the log, since the answer is public."""
    results = {}
    for name, check in checks.items():
        try:
            check()
        except Exception as error:
            log.warning("check_failed", check=name, cause=repr(error))
            results[name] = "fail"
        else:
            results[name] = "pass"
    return results


def install(app: Flask, checks: Mapping[str, Check]) -> None:
    """Serve `/livez`, `/readyz`, `/healthz` and `/metrics`."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/livez")
    def livez() -> Response:
        return jsonify(status="pass")

    @blueprint.get("/readyz")
    @blueprint.get("/healthz", endpoint="healthz")
    def readyz() -> Response:
        results = run_checks(checks)
        if "fail" in results.values():
            raise NotReady(checks=results)
        return jsonify(status="pass", checks=results)

    @blueprint.get("/metrics")
    def prometheus() -> Response:
        return metrics.exposition()

    app.register_blueprint(blueprint)
