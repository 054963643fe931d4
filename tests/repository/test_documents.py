"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest

from deploy import docs, operation_errors
from deploy.processes import PROCESSES, settings_class
from tests.repository.samples import ROOT

# A row of the README's figures that says which page has them.
FIGURE = re.compile(r"^\| \w[\w-]* \| (.*) \| [\d-]+ \| \[[^\]]+\]\(([^)#]+)#[^)]*\) \|$", re.MULTILINE)
NUMBER = re.compile(r"\d[\d,]*")
LINES = re.compile(r"^\| code \| ([\d,]+) lines of Python, and ([\d,]+) of tests", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", ["settings.md", "errors.md", "messages.md", "routes.md", "metrics.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / name).read_text()

    assert written == docs.pages()[name], "run .venv/bin/python -m deploy.docs"


def test_errors_of_operations_are_up_to_date() -> None:
    written = {path: (ROOT / path).read_text() for path in operation_errors.files()}

    assert written == operation_errors.files(), "run .venv/bin/python -m deploy.docs"


@pytest.mark.parametrize("process", PROCESSES)
def test_every_setting_says_what_it_is_for(process: str) -> None:
    fields = settings_class(process).model_fields

    assert [
        name for name, field in fields.items() if not (field.description or "").endswith((".", "`"))
    ] == []


def test_an_error_code_belongs_to_one_owner() -> None:
    owners: dict[str, set[str]] = {}
    for owner, kinds in docs.errors_by_owner().items():
        for kind in kinds:
            owners.setdefault(kind.code, set()).add(f"{owner}: {kind.__module__}.{kind.__name__}")

    assert {code: sorted(where) for code, where in owners.items() if len(where) > 1} == {}


def test_every_error_says_when_it_happens() -> None:
    silent = [k.__name__ for kinds in docs.errors_by_owner().values() for k in kinds if not k.__doc__]

    assert silent == []


def test_links_between_documents_lead_somewhere(tracked_files: list[Path]) -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in tracked_files
        if page.suffix == ".md"
        for target in LINK.findall(page.read_text())
        if not target.startswith(("http://", "https://", "mailto:")) and not (page.parent / target).exists()
    ]

    assert broken == []


def test_figures_of_the_readme_stand_in_the_page_that_they_name() -> None:
    rows = FIGURE.findall((ROOT / "README.md").read_text())

    unknown = [
        (number, page)
        for figures, page in rows
        for number in NUMBER.findall(figures)
        if number not in NUMBER.findall((ROOT / page).read_text())
    ]

    assert len(rows) == 4
    assert unknown == []


def test_size_in_the_readme_is_that_of_the_code(tracked_files: list[Path]) -> None:
    size = LINES.search((ROOT / "README.md").read_text())
    assert size is not None
    lines = {"code": 0, "tests": 0}
    for path in tracked_files:
        top = path.relative_to(ROOT).parts[0]
        if path.suffix == ".py" and top in {"gateway", "services", "shared", "deploy", "tests"}:
            lines["tests" if top == "tests" else "code"] += len(path.read_text().splitlines())

    assert [int(number.replace(",", "")) for number in size.groups()] == [
        pytest.approx(lines["code"], rel=0.1),
        pytest.approx(lines["tests"], rel=0.1),
    ]
