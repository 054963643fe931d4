"""The copy as one document: JSON for programs, HTML for people. Pure; written as it is read."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import orjson
from markupsafe import escape

Lines = Iterable[bytes]  # `{"table": …, "row": {…}}`, one table after another

_HTML_HEAD = """<!doctype html><meta charset="utf-8"><title>Your data</title>
<style>body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
table{border-collapse:collapse;margin:0 0 1rem;width:100%}
th,td{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{width:14rem}</style>
<h1>Your data</h1>
"""


def as_json(head: Mapping[str, Any], parts: Mapping[str, Lines]) -> Iterator[bytes]:
    """``head`` with one more member, ``document``: by service, by table, the rows."""
    yield orjson.dumps(head)[:-1] + b',"document":{'
    for position, (service, lines) in enumerate(parts.items()):
        yield (b"," if position else b"") + orjson.dumps(service) + b":{"
        yield from _json_tables(lines)
        yield b"}"
    yield b"}}"


def _json_tables(lines: Lines) -> Iterator[bytes]:
    for position, (table, rows) in enumerate(_tables(lines)):
        yield (b"," if position else b"") + orjson.dumps(table) + b":["
        for number, row in enumerate(rows):
            yield (b"," if number else b"") + orjson.dumps(row)
        yield b"]"


def as_html(head: Mapping[str, Any], parts: Mapping[str, Lines]) -> Iterator[bytes]:
    """A page that can be read and printed; whatever the rows say is text."""
    yield _HTML_HEAD.encode()
    yield _html_row({name: value for name, value in head.items() if name != "services"})
    for service, lines in parts.items():
        yield f"<h2>{escape(service)}</h2>\n".encode()
        for table, rows in _tables(lines):
            yield f"<h3>{escape(table.replace('_', ' '))}</h3>\n".encode()
            yield from map(_html_row, rows)


def _html_row(row: Mapping[str, Any]) -> bytes:
    cells = "".join(f"<tr><th>{escape(name)}<td>{escape(_text(value))}" for name, value in row.items())
    return f"<table>{cells}</table>\n".encode()


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _tables(lines: Lines) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    parsed = (orjson.loads(line) for line in lines)
    for table, group in groupby(parsed, key=lambda line: str(line["table"])):
        yield table, (line["row"] for line in group)
