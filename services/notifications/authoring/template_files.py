"""Templates as files, so that a team keeps them where it keeps its code.

welcome/template.toml   lane, on_unknown; may be left out
welcome/en.md           `Subject: …`, an empty line, Markdown
welcome/de.txt          `Subject: …`, an empty line, the text part; `de.html` beside it is the HTML part
welcome/fr.jinja        the blocks of the layouts, as Doorward's own templates have them
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from services.notifications.authoring.template_checks import NAME
from services.notifications.lanes import LANES, NORMAL
from services.notifications.rendering.catalog import ASK, SEND_AGAIN
from services.notifications.rendering.versions import Source
from services.notifications.templating.wordings import Wording
from shared.chassis import locales

POLICY = "template.toml"
_SUBJECT = re.compile(r"Subject: *(?P<subject>[^\n]*)\n(?:\n|\Z)(?P<body>.*)", re.DOTALL)
_MEMBERS = {".md": "markdown", ".txt": "text", ".html": "html", ".jinja": "blocks"}


class FilesInvalid(ValueError):
    """A folder of templates cannot be read; the text says which file, and why."""


def read(folder: Path) -> dict[str, Source]:
    """The templates of ``folder`` by name; raises FilesInvalid."""
    if not folder.is_dir():
        raise FilesInvalid(f"{folder} is not a folder")
    found = {path.name: _source(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    for name in found:
        if not NAME.fullmatch(name):
            raise FilesInvalid(f"{folder / name}: a template's name has small letters, digits, `_`, `.`, `-`")
    return found


def _source(folder: Path) -> Source:
    wordings: dict[str, dict[str, str]] = {}
    for path in sorted(folder.iterdir()):
        if path.name != POLICY:
            wording, members = wordings.setdefault(_locale(path), {}), _members(path)
            if wording.keys() & members.keys():
                raise FilesInvalid(f"{path}: another file says the same in this language")
            wording.update(members)
    if not wordings:
        raise FilesInvalid(f"{folder}: there is no file of a language, as en.md")
    languages = {locale: Wording.of(members) for locale, members in wordings.items()}
    return Source(languages, **_policy(folder / POLICY))


def _locale(path: Path) -> str:
    try:
        return locales.canonical(path.stem)
    except locales.LocaleInvalid as error:
        raise FilesInvalid(f"{path}: a file is named after its language, as en.md or de-AT.txt") from error


def _members(path: Path) -> dict[str, str]:
    member = _MEMBERS.get(path.suffix)
    if member is None:
        raise FilesInvalid(f"{path}: a file ends in {', '.join(_MEMBERS)}")
    content = path.read_text().replace("\r\n", "\n")
    if path.suffix in {".html", ".jinja"}:
        return {member: content}
    match = _SUBJECT.fullmatch(content)
    if match is None:
        raise FilesInvalid(f"{path}: begin with `Subject: …` and an empty line")
    return {"subject": match["subject"].strip(), member: match["body"]}


def _policy(path: Path) -> dict[str, str]:
    try:
        policy = tomllib.loads(path.read_text()) if path.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise FilesInvalid(f"{path}: {error}") from error
    choices = {"lane": LANES, "on_unknown": (SEND_AGAIN, ASK)}
    for name, value in policy.items():
        if value not in choices.get(name, ()):
            allowed = "; ".join(f"{key}: {', '.join(values)}" for key, values in choices.items())
            raise FilesInvalid(f"{path}: {name} = {value!r} is not one of {allowed}")
    return policy


def write(folder: Path, sources: Mapping[str, Source]) -> None:
    """Write the templates into ``folder``, each in the place of what is there of it."""
    for name, source in sources.items():
        own = folder / name
        own.mkdir(parents=True, exist_ok=True)
        wanted = dict(_files(source))
        for path in own.iterdir():
            if path.suffix in _MEMBERS and path.name not in wanted:
                path.unlink()
        for file_name, content in wanted.items():
            (own / file_name).write_text(content)


def _files(source: Source) -> Iterator[tuple[str, str]]:
    for locale, wording in source.languages.items():
        head = f"Subject: {wording.subject}\n\n"
        if wording.blocks:
            yield f"{locale}.jinja", wording.blocks
        elif wording.markdown:
            yield f"{locale}.md", head + wording.markdown
        else:
            yield f"{locale}.txt", head + wording.text
            if wording.html:
                yield f"{locale}.html", wording.html
    policy = {"lane": source.lane if source.lane != NORMAL else None, "on_unknown": source.on_unknown}
    lines = [f'{name} = "{value}"\n' for name, value in policy.items() if value is not None]
    if lines:
        yield POLICY, "".join(lines)
