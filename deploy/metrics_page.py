"""The page docs/metrics.md: every metric, read from where the code declares it.

The declarations are parsed, not imported: prometheus_client tells the labels of a metric nowhere in public.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeGuard

ROOT = Path(__file__).parents[1]
FOLDERS = ("gateway", "services", "shared")
KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram"}
PREFIX = "doorward_"

INTRODUCTION = """\
Every process serves its metrics in the Prometheus text format; [metrics and alerts](metrics-and-alerts.md)
says where, and what to watch. Labels are names from the code and the route file: never a path, an address or
an account. A histogram has the series `…_bucket`, `…_sum` and `…_count`.
"""


class DeclaredMetric(NamedTuple):
    """A metric as its module declares it; ``owner`` is the process that has it."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...]
    owner: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query may use."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{end}" for end in ("bucket", "sum", "count"))
        return (self.name,)


def all_metrics() -> list[DeclaredMetric]:
    """Every metric of Doorward, by owner and name."""
    found = [metric for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") for metric in _in(path)]
    return sorted(found, key=lambda metric: (not metric.owner.startswith("every"), metric.owner, metric.name))


def _in(path: Path) -> Iterator[DeclaredMetric]:
    text = path.read_text()
    if PREFIX not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if _declares(node):
            name, meaning, *labels = [ast.literal_eval(argument) for argument in node.args]
            yield DeclaredMetric(name, KINDS[ast.unparse(node.func)], meaning, tuple(*labels), _owner(path))


def _declares(node: ast.AST) -> TypeGuard[ast.Call]:
    match node:
        case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str(name)), *_]):
            return kind in KINDS and name.startswith(PREFIX)
    return False


def _owner(path: Path) -> str:
    if path.name == "outbox_metrics.py":
        return "every service"
    folder, subfolder, *_ = path.relative_to(ROOT).parts
    return {"shared": "every process", "services": subfolder}.get(folder, folder)


def page(note: str) -> str:
    """The text; ``note`` says where it comes from."""
    lines = ["# Metrics", note, INTRODUCTION]
    lines += ["| metric | type | labels | of | meaning |", "|---|---|---|---|---|"]
    for metric in all_metrics():
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        meaning = metric.meaning.replace("|", "\\|")
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.owner} | {meaning} |")
    return "\n".join(lines) + "\n"
