"""What the documents name exists: commands with their options, settings, calls of the API, metrics."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from deploy import known_settings
from deploy.cli import doorward
from deploy.mailbox.settings import MailboxSettings
from deploy.metrics_page import all_metrics
from deploy.processes import PROCESSES
from tests.repository.samples import ROOT

DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "SECURITY.md"]
COMMAND = re.compile(
    r"(?:\.venv/bin/doorward|docker compose run --rm (?:--volume \S+ )?[a-z]+|(?:(?<=`)|(?<=^    ))doorward)"
    r" ([a-z][^`\n|;&)#>]*)",
    re.MULTILINE,
)
SETTING = re.compile(
    r"(?<![A-Z_…])(?:DOORWARD|GATEWAY|AUTH|USERS|NOTIFICATIONS|MAILBOX|JWT)_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_…])"
)
CALL = re.compile(r"`(?:GET|POST|PUT|PATCH|DELETE) (/[a-z][\w/{}.:-]*)")
METRIC = re.compile(r"`(doorward_[a-z_]+[a-z])[`{ ]")
PREFIXES = ("", "/api/v1", *(f"/api/v1/{service}" for service in ("auth", "users", "notifications")))
# Placeholders of the text, and the example of a team's own service.
PLACEHOLDERS = {"AUTH_X_Y", "AUTH_REFRESH_TOKEN_DAYS"}
OWN_SERVICE = "/api/v1/orders"


def found(pattern: re.Pattern[str], *, but: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Every match of the pattern, as (document, match)."""
    return [
        (document.name, match)
        for document in DOCUMENTS
        if document.name not in but
        for match in pattern.findall(document.read_text())
    ]


def known_variables() -> set[str]:
    mailbox = {MailboxSettings.variable(name) for name in MailboxSettings.model_fields}
    return {name for process in PROCESSES for name in known_settings.of(process)} | mailbox


def test_settings_exist() -> None:
    known = known_variables() | known_settings.ELSEWHERE | PLACEHOLDERS

    assert [(where, name) for where, name in found(SETTING) if name not in known] == []


def test_commands_and_their_options_exist() -> None:
    assert [(where, line) for where, line in found(COMMAND) if not is_command(line.split())] == []


def is_command(words: list[str]) -> bool:
    """Whether the words begin with a command, of a group too, that knows the options among them."""
    context = click.Context(doorward)
    command: click.Command | None = doorward
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(context, words[0])
        words = words[1:]
    if command is None:
        return False
    options = {option for parameter in command.params for option in parameter.opts}
    return {word for word in words if word.startswith("--")} <= options


@pytest.fixture(scope="module")
def paths(apps: dict[str, Flask]) -> set[str]:
    """Every path of every process, with `{}` for what varies."""
    return {re.sub(r"<[^>]*>", "{}", rule.rule) for app in apps.values() for rule in app.url_map.iter_rules()}


def test_calls_exist(paths: set[str]) -> None:
    missing = [(where, call) for where, call in found(CALL) if not set(spellings(call)) & paths]

    assert [(where, call) for where, call in missing if not call.startswith(OWN_SERVICE)] == []


def spellings(call: str) -> Iterator[str]:
    """A page may leave out the part of a path that it speaks of throughout."""
    path = re.sub(r"\{[^}]*\}", "{}", call)
    return (prefix + path for prefix in PREFIXES)


def test_metrics_exist() -> None:
    known = {name for metric in all_metrics() for name in (metric.name, *metric.series)}
    fixtures = {"doorward_account"}

    assert [(where, name) for where, name in found(METRIC) if name not in known | fixtures] == []


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert {page for page in pages if f"]({page})" not in index} == set()


def test_no_link_to_a_heading_that_is_not_there() -> None:
    links = re.compile(r"\]\(([\w./-]*\.md)?#([\w-]+)\)")
    broken = [
        (page.name, target, anchor)
        for page in DOCUMENTS
        for target, anchor in links.findall(page.read_text())
        if anchor not in anchors((page.parent / target) if target else page)
    ]

    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
