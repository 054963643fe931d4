"""Logs: one JSON object a line on standard error, an event name and fields, secrets masked.

Records of libraries (gunicorn, Celery, SQLAlchemy) take the same road, so that a line is a line.
"""

import logging
import re
import sys
from functools import lru_cache
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from shared.chassis import tracing

_SECRET_KEYS = re.compile(
    r"(?i)(^|_)(password|passwd|secret|token|authorization|cookie|code|api_?key|recovery_codes?)($|_)"
)
_HARMLESS_KEYS = frozenset({"code_name", "error_code", "status_code"})
_SECRET_TEXTS = (
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 [masked]"),
    (re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@"), r"\1[masked]@"),
    (re.compile(r"\b([\w.+%-])[\w.+%-]*@([\w-]+\.[\w.-]+)"), r"\1***@\2"),
)
# Without any of these marks nothing above is found; most texts have none.
_MARKS = re.compile(r"eyJ|@|(?i:bearer|basic)")
# A path may hold a token (an unsubscribe link does); identifiers, which are UUIDs, may be read.
_TOKEN_IN_PATH = re.compile(r"/(?![0-9a-f]{8}-[0-9a-f-]{27}(?:/|$))[\w.~+=-]{24,}")
_LONGEST_TEXT = 8192


def mask_text(text: str) -> str:
    """``text`` without tokens, credentials in URLs and full e-mail addresses."""
    if _MARKS.search(text) is None:
        return text
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def mask_path(path: str) -> str:
    """``path`` without the segments that may be tokens."""
    return _TOKEN_IN_PATH.sub("/[masked]", path)


def mask_address(email: str) -> str:
    """``ada@example.org`` as ``a***@example.org``: enough to recognise, too little to collect."""
    return mask_text(email)


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    """Looked for once a name: a program has a few hundred of them."""
    return _SECRET_KEYS.search(key) is not None and key not in _HARMLESS_KEYS


def _masked(key: str, value: Any) -> Any:
    if _is_secret(key):
        return "[masked]"
    if isinstance(value, str):
        return mask_text(value[:_LONGEST_TEXT])
    if isinstance(value, dict):
        return {str(name): _masked(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked("", inner) for inner in value]
    return value


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _masked(key, value) for key, value in event.items()}


class _Event(dict[str, Any]):
    """What a module of ours logs, with all that its line says. A dict that a library logs is text."""


def _hand_over(_logger: WrappedLogger, _method: str, event: EventDict) -> tuple[tuple[_Event], EventDict]:
    return (_Event(event),), {}


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Records as lines; ours are complete, so that they need no copy and no chain."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with secrets masked."""
        if isinstance(record.msg, _Event):
            return _as_json(_redact(None, "", record.msg))
        return super().format(record)


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    trace = tracing.current()
    if trace is not None:
        event.setdefault("request_id", trace.request_id)
        event.setdefault("trace_id", trace.trace_id)
    return event


def _as_json(event: EventDict, **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def install(process: str, level: str) -> None:
    """Send every log record of this interpreter to standard error as JSON. Safe to call again."""

    def add_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        add_process,
        _add_trace,
    ]
    structlog.configure(
        processors=[*shared, _hand_over],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Lines(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact,
                structlog.processors.JSONRenderer(serializer=_as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "kombu", "amqp", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module: ``log.info("event_name", field=value)``."""
    return structlog.stdlib.get_logger(name)
