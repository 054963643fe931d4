"""Writes the pages of docs/ that are generated, and the errors of each operation: ``python -m deploy.docs``.

A test compares the files with what this would write, so none of them can fall behind.
"""

import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from deploy import metrics_page, operation_errors, routes_page
from deploy.local.settings import LocalSettings
from deploy.mailbox.settings import MailboxSettings
from deploy.processes import PROCESSES, settings_class
from services.auth.settings import AuthSettings
from shared.chassis.brand import BrandSettings
from shared.chassis.errors import FRAMEWORK_CODES, INVALID_JSON, ApiError, all_errors
from shared.chassis.settings import EnvironmentSettings, ProcessSettings
from shared.contracts import queues
from shared.contracts.messages import Message, all_messages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
OURS = ("gateway", "services", "shared")
NOTE = "<!-- Written by `python -m deploy.docs` from the code; a test fails where they differ. -->\n"

SETTINGS_INTRODUCTION = """\
A process reads its settings from the environment, and from files of the same name in `/run/secrets`; the
environment has priority. A missing or wrong setting stops the start with one sentence. A variable `AUTH_X_Y`
is the field `x_y` of `services/auth/settings.py`.
"""
LOCAL_INTRODUCTION = """\
It generates secrets that are not set, and starts PostgreSQL, Valkey and the mailbox. If a database URL,
`REDIS_URL` or `NOTIFICATIONS_SMTP_HOST` is set, that server is used instead. The ports are those above; a
port of 0 is chosen once and remembered.
"""
BRAND_INTRODUCTION = """\
One set for the gateway, auth and notifications; docs/names-and-looks.md shows where each appears.
"""
ERRORS_INTRODUCTION = """\
Every error of every process is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`,
`code`, `request_id`, and `errors` (`[{pointer, detail}]`) where single values are at fault. Programs
use `code`, which never changes. People read `detail`, which may change.
"""
MESSAGES_INTRODUCTION = """\
A message is a row in its sender's outbox, written in the same transaction as the change that it reports. The
sender's worker delivers it, and each subscriber handles it once. A field may be added with a default, never
renamed, retyped or removed.
"""


def pages() -> dict[str, str]:
    """The text of each generated page by its file name."""
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "messages.md": messages_page(),
        "routes.md": routes_page.page(NOTE),
        "metrics.md": metrics_page.page(NOTE),
    }


def settings_page() -> str:
    """Every environment variable of every process."""
    lines = [
        "# Settings",
        NOTE,
        SETTINGS_INTRODUCTION,
        "## Every process\n",
        *_settings_table(ProcessSettings, _common_fields()),
        "\n## Names and looks\n",
        BRAND_INTRODUCTION,
        *_settings_table(AuthSettings, BrandSettings.model_fields),
    ]
    shared = {*_common_fields(), *BrandSettings.model_fields}
    for name in PROCESSES:
        cls = settings_class(name)
        own = [field for field in cls.model_fields if field not in shared]
        lines += [f"\n## {name}\n", *_settings_table(cls, own)]
    lines += [
        "\n## mailbox, in development\n",
        *_settings_table(MailboxSettings, MailboxSettings.model_fields),
        "\n## `doorward up`\n",
        LOCAL_INTRODUCTION,
        *_settings_table(LocalSettings, ["data_dir", "env_file", "template_dir"]),
    ]
    return "\n".join(lines) + "\n"


def _common_fields() -> list[str]:
    """The fields whose variable carries no process's prefix."""
    return [name for name, field in ProcessSettings.model_fields.items() if field.validation_alias]


def _settings_table(cls: type[EnvironmentSettings], fields: Iterable[str]) -> Iterator[str]:
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name in fields:
        field = cls.model_fields[name]
        yield _row(f"`{cls.variable(name)}`", _default(field), field.description or "")


def _default(field: FieldInfo) -> str:
    default: Any = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        return "**required**"
    if default is None or default in ("", [], ()):
        return "(empty)"
    if isinstance(default, Path) and default.is_absolute():
        default = default.relative_to(ROOT)
    return f"`{', '.join(map(str, default)) if isinstance(default, list | tuple) else default}`"


def errors_page() -> str:
    """Every error code of every process."""
    lines = [
        "# Errors",
        NOTE,
        ERRORS_INTRODUCTION,
        "## Any process\n",
        "| code | status | meaning |",
        "|---|---|---|",
        _row("`invalid_json`", 400, INVALID_JSON),
        *(_row(f"`{code}`", status, text) for status, (code, text) in FRAMEWORK_CODES.items()),
    ]
    for owner, kinds in errors_by_owner().items():
        lines += [f"\n## {owner}\n", "| code | status | when | what the caller reads |", "|---|---|---|---|"]
        lines += [_row(f"`{k.code}`", k.status, _first_line(k), k.detail) for k in kinds]
    return "\n".join(lines) + "\n"


def errors_by_owner() -> dict[str, list[type[ApiError]]]:
    """The error classes that carry a code of their own, by the package that owns them."""
    import_everything()
    owners: dict[str, list[type[ApiError]]] = {}
    for kind in sorted(set(all_errors()), key=lambda kind: (kind.status, kind.code)):
        is_ours = kind.__module__.split(".")[0] in OURS and not kind.__name__.startswith("_")
        if is_ours and "code" in vars(kind):
            owners.setdefault(_owner(kind), []).append(kind)
    return dict(sorted(owners.items(), key=lambda item: (item[0] != "chassis", item[0])))


def import_everything() -> None:
    """Import every module that may declare something; workers load their settings, so they stay out."""
    for package in (*OURS, "services.auth", "services.users", "services.notifications"):
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            parts = module.name.split(".")
            if not {"migrations", "testing", "worker", "asgi"} & set(parts[1:-1] + parts[-1:]):
                import_module(module.name)


def _owner(kind: type) -> str:
    parts = kind.__module__.split(".")
    return parts[0] if parts[0] == "gateway" else parts[1]


def messages_page() -> str:
    """Every message between services, with who hears it."""
    lines = ["# Messages between services", NOTE, MESSAGES_INTRODUCTION.rstrip()]
    for name, kind in sorted(all_messages().items()):
        lines += [f"\n## `{name}`, version {kind.version}\n", _paragraph(kind), ""]
        lines += [f"Heard by: {', '.join(queues.SUBSCRIBERS.get(kind, ())) or 'nobody yet'}.\n"]
        lines += ["| field | type | default |", "|---|---|---|", *_message_rows(kind)]
    return "\n".join(lines) + "\n"


def _message_rows(kind: type[Message]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        yield _row(f"`{name}`", f"`{_type_name(field.annotation)}`", _message_default(field))


def _message_default(field: FieldInfo) -> str:
    return "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation).replace("uuid.", "")


def _paragraph(kind: type) -> str:
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())


def _first_line(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def write() -> None:
    """Write the pages, and the lists of errors by operation."""
    for name, text in pages().items():
        (DOCS / name).write_text(text)
    for path, text in operation_errors.files().items():
        (ROOT / path).write_text(text)


if __name__ == "__main__":
    write()
