"""Health: `/livez` says that the process runs, `/readyz` whether it can do its work."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from flask import Blueprint, Flask, Response, jsonify

from shared.chassis import errors, metrics
from shared.chassis.logs import get_logger

Check = Callable[[], None]  # raises when what it looks at is down

log = get_logger(__name__)


class NotReady(errors.Unavailable):
    """Something that this process needs is down; ``checks`` says what."""

    code = "not_ready"
    detail = "Something that this process needs is down."
    is_logged = False  # the checks say themselves what has changed


class Checks:
    """What a process needs, looked at when somebody asks; the log says what has changed since."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        now: Callable[[], float] = monotonic,
        start_seconds: float = 30.0,
    ) -> None:
        self._checks = checks
        self._now = now
        self._start_is_over_at = now() + start_seconds
        self._failing: set[str] = set()

    def run(self) -> dict[str, str]:
        """``pass`` or ``fail`` by name; causes go to the log, since the answer is public."""
        results = {}
        for name, check in self._checks.items():
            try:
                check()
            except Exception as error:
                results[name] = "fail"
                self._tell_failure(name, error)
            else:
                results[name] = "pass"
                self._tell_success(name)
        return results

    def _tell_failure(self, name: str, error: Exception) -> None:
        """A warning once, though probes ask each second; what a start still waits for is none."""
        if name not in self._failing and self._now() >= self._start_is_over_at:
            self._failing.add(name)
            log.warning("check_failed", check=name, cause=repr(error))

    def _tell_success(self, name: str) -> None:
        if name in self._failing:
            self._failing.remove(name)
            log.info("check_passed", check=name)


def install(
    app: Flask,
    checks: Mapping[str, Check],
    optional: Mapping[str, Check] | None = None,
    details: Callable[[], Mapping[str, Any]] | None = None,
) -> None:
    """Serve `/livez`, `/readyz`, `/healthz` and `/metrics`; what is ``optional`` is only listed.

    ``details`` are shown beside the checks and decide nothing.
    """
    blueprint = Blueprint("health", __name__)
    watched, listed = Checks(checks), Checks(optional or {})

    @blueprint.get("/livez")
    def livez() -> Response:
        return jsonify(status="pass")

    @blueprint.get("/readyz")
    @blueprint.get("/healthz", endpoint="healthz")
    def readyz() -> Response:
        results, others = watched.run(), listed.run()
        members: dict[str, Any] = {"checks": results, **({"optional": others} if others else {})}
        if details is not None:
            members["details"] = _seen(details)
        if "fail" in results.values():
            raise NotReady(**members)
        return jsonify(status="pass", **members)

    @blueprint.get("/metrics")
    def prometheus() -> Response:
        return metrics.exposition()

    app.register_blueprint(blueprint)


def _seen(details: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The details; none where what they are read from is down, which the checks say."""
    try:
        return details()
    except Exception as error:
        log.debug("details_failed", cause=repr(error))
        return {}
