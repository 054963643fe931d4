"""Templates as files: what is pulled can be pushed, all of it or nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from services.notifications.authoring import template_files
from services.notifications.authoring.template_files import FilesInvalid
from services.notifications.commands import context
from services.notifications.commands.templates import templates
from services.notifications.rendering.versions import Source
from services.notifications.templating import layouts
from services.notifications.templating.looks import DIRECTORY
from services.notifications.templating.wordings import Wording

SOURCES = {
    "welcome": Source(
        {
            "en": Wording(subject="Welcome", markdown="Hello {{ who }}\n"),
            "de-AT": Wording(subject="Servus", text="Hallo {{ who }}\n", html="<p>Hallo {{ who }}</p>\n"),
            "fr": Wording(subject="", blocks="{% extends layout %}{% block subject %}s{% endblock %}"),
        },
        lane="bulk",
        on_unknown="send_again",
    ),
    "plain": Source({"en": Wording(subject="s", text="t\n")}),
}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    template_files.write(tmp_path, SOURCES)

    found = template_files.read(tmp_path)

    assert {name: source.as_dict() for name, source in found.items()} == {
        name: source.as_dict() for name, source in SOURCES.items()
    }


def test_language_that_is_gone_is_gone_as_a_file(tmp_path: Path) -> None:
    template_files.write(tmp_path, SOURCES)
    (tmp_path / "plain" / "notes.rst").write_text("mine")
    template_files.write(tmp_path, {"plain": Source({"de": Wording(subject="s", text="t")})})

    assert sorted(path.name for path in (tmp_path / "plain").iterdir()) == ["de.txt", "notes.rst"]


@pytest.mark.parametrize(
    ("name", "file", "content", "says"),
    [
        ("Bad Name", "en.md", "Subject: s\n\nx", "small letters"),
        ("a", "en.rst", "Subject: s\n\nx", "ends in"),
        ("a", "123.md", "Subject: s\n\nx", "named after its language"),
        ("a", "en.md", "no subject", "Subject"),
        ("a", "template.toml", "lane = 'fast'", "lane"),
        ("a", "template.toml", "colour = 'red'", "colour"),
        ("a", "template.toml", "lane", "template.toml"),
        ("a", "template.toml", "", "no file of a language"),
    ],
)
def test_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, file: str, content: str, says: str
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / file).write_text(content)
    if "no file" not in says and file == "template.toml":
        (tmp_path / name / "en.md").write_text("Subject: s\n\nx")

    with pytest.raises(FilesInvalid, match=says):
        template_files.read(tmp_path)


@pytest.mark.parametrize("other", ["EN.txt", "en.md"])
def test_two_files_that_say_the_same_are_named(tmp_path: Path, other: str) -> None:
    (tmp_path / "a").mkdir()
    for file in ("en.txt", other):
        (tmp_path / "a" / file).write_text(f"Subject: {file}\n\nx")

    with pytest.raises(FilesInvalid, match="says the same"):
        template_files.read(tmp_path)


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FilesInvalid, match="not a folder"):
        template_files.read(tmp_path / "nowhere")


def test_templates_are_pulled_checked_and_pushed(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "create_app", lambda: app)
    runner = CliRunner()

    def call(*words: str) -> tuple[int, str]:
        result = runner.invoke(templates, [*words, str(tmp_path)])
        return result.exit_code, result.output

    template_files.write(tmp_path, {"plain": SOURCES["plain"]})
    pushed = call("push")
    pulled = call("pull", "--built-in")
    checked = call("check")
    again = call("push")
    (tmp_path / "plain" / "en.txt").write_text("Subject: {{ oops\n\nx")
    wrong, refused = call("check"), call("push")

    assert pushed == (0, "plain: version 1\n")
    assert pulled[0] == checked[0] == again[0] == 0
    assert (tmp_path / "verify_email" / "fr.jinja").read_text() == (
        DIRECTORY / "fr/verify_email.jinja"
    ).read_text()
    assert "plain: version 1\n" in again[1]
    assert (wrong[0], refused[0]) == (1, 1)
    assert "plain/languages/en: line 1" in wrong[1]
    assert call("check")[0] == 1


def test_missing_folder_ends_a_command(tmp_path: Path) -> None:
    assert CliRunner().invoke(templates, ["check", str(tmp_path / "nowhere")]).exit_code == 1


def test_layouts_of_an_operator_are_looked_at_before_they_are_used(tmp_path: Path) -> None:
    def mistake() -> str:
        copy = tmp_path / str(len(list(tmp_path.iterdir())))
        copy.mkdir()
        for name, content in files.items():
            (copy / name).write_text(content)
        try:
            layouts.check(copy)
        except ValueError as error:
            return str(error)
        return ""

    ours = {name: (DIRECTORY / name).read_text() for name in ("layout.html", "layout.txt")}
    files = ours
    good = mistake()
    files = {"layout.html": ours["layout.html"]}
    missing = mistake()
    files = {**ours, "layout.txt": "{% block body %}{% endblock %}"}
    lacking = mistake()
    files = {**ours, "layout.html": "{% block body %}"}
    broken = mistake()

    assert good == ""
    assert "folder with layout.html and layout.txt" in missing
    assert lacking == "layout.txt lacks the blocks button, lead, note"
    assert broken.startswith("layout.html, line 1")
