"""gunicorn's log as Doorward writes it: one JSON object a line, each request one event."""

import logging
from typing import Any

from gunicorn.glogging import Logger

from shared.chassis import logs, tracing

# Probes and scrapes ask every few seconds; their success says nothing.
_QUIET_PATHS = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
_REQUEST_ID = "x-request-id"

log = logs.get_logger("gunicorn.access")


class JsonLogger(Logger):
    """Sends gunicorn's records down the chassis' road. Set by ``logger_class``."""

    def setup(self, cfg: Any) -> None:
        """Install the chassis' logging and give gunicorn no handlers of its own."""
        super().setup(cfg)
        logs.install(cfg.proc_name, cfg.loglevel.upper())
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """gunicorn's own notes, of which one names each request's path."""
        super().debug(msg, *(logs.mask_path(arg) if isinstance(arg, str) else arg for arg in args), **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """One line for an answered request. The query stays out: it may hold a token or a code."""
        path = environ.get("PATH_INFO", "")
        status = _number(resp.status)
        if self.loglevel > logging.INFO or (path in _QUIET_PATHS and status < 400):
            return
        log.info(
            "request",
            method=environ.get("REQUEST_METHOD"),
            path=logs.mask_path(path),
            status=status,
            duration_ms=request_time.seconds * 1000 + round(request_time.microseconds / 1000, 1),
            bytes=getattr(resp, "sent", None),
            client=environ.get("REMOTE_ADDR"),
            **_request_id(resp.headers),
            **_trace_id(environ),
        )


def _number(status: Any) -> int:
    """The status as a number: WSGI has it as ``200 OK``."""
    return int(str(status).split(maxsplit=1)[0])


def _request_id(headers: Any) -> dict[str, str]:
    for name, value in headers:
        if name.lower() == _REQUEST_ID:
            return {"request_id": value}
    return {}


def _trace_id(environ: dict[str, Any]) -> dict[str, str]:
    trace = environ.get(tracing.ENVIRON_KEY)
    return {"trace_id": trace.trace_id} if trace else {}
