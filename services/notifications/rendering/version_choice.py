"""Which version of a template a message gets, and what that version is.

A message gets the newest version of the team's own template, else what this release of Doorward says. That
is stored as a version too, the first time that a message gets it: a release with other texts does not change
what was accepted before it.
"""

from services.notifications.authoring.template_checks import NAME
from services.notifications.deps import deps
from services.notifications.models import db
from services.notifications.rendering import built_in
from services.notifications.rendering.catalog import TEMPLATES, Template
from services.notifications.rendering.versions import Source, Version
from services.notifications.store import templates as store
from services.notifications.store.templates import Row
from services.notifications.templating.compiling import interface_of
from services.notifications.templating.environment import TemplateMistake
from shared.chassis.database import single_statements


def current(name: str) -> Version | None:
    """The version that a new message gets, in the caller's transaction; None where there is none."""
    if not NAME.fullmatch(name):
        return None
    row = store.find_current(name)
    if row is not None:
        return _known(row)
    if name not in TEMPLATES:
        return None
    return _version(Row(name, _built_in_number(name), {}), built_in.source(name))


def _built_in_number(name: str) -> int:
    known = deps().template_cache.built_in
    if name in known:
        return known[name]
    source = built_in.source(name)
    number = store.find_number(name, source.hash)
    if number is not None:
        known[name] = number
        return number
    # Not remembered: the caller's transaction may still be undone.
    return store.add_version(name, source.hash, source.as_dict(), is_built_in=True, created_by=None)


def find(name: str, number: int) -> Version | None:
    """The version that a message was accepted with; None where nobody knows the template any more."""
    known = deps().template_cache.versions.get((name, number))
    if known is not None:
        return known
    if not NAME.fullmatch(name):
        return None
    with single_statements(db):
        row = store.find(name, number)
    if row is not None:
        return _known(row)
    # Accepted by a release that stored no versions.
    return _version(Row(name, number, {}), built_in.source(name)) if name in TEMPLATES else None


def template_of(name: str, number: int) -> Template | None:
    """How messages of that version are delivered."""
    version = find(name, number)
    return version.template if version is not None else None


def _known(row: Row) -> Version:
    cache = deps().template_cache
    version = cache.versions.get((row.name, row.number))
    if version is None:
        version = _version(row, Source.of(row.source))
        cache.add(version)
    return version


def _version(row: Row, source: Source) -> Version:
    try:
        template = described(row.name, source)
    except TemplateMistake:
        # Of another release, or of before the layout was changed. Its messages fail one by one and say why;
        # what ends attempts, and whoever writes the template anew, must not fail with them.
        template = Template(lane=source.lane, is_internal=False, on_unknown=source.on_unknown)
    return Version(row.name, row.number, template, source)


def described(name: str, source: Source) -> Template:
    """How messages are delivered that say ``source``; raises TemplateMistake where it cannot be read.

    What Doorward's own templates take does not depend on how a team words them.
    """
    if name in TEMPLATES:
        return TEMPLATES[name]
    interfaces = [interface_of(wording, deps().look) for wording in source.languages.values()]
    required = frozenset[str]().union(*(interface.required for interface in interfaces))
    optional = frozenset[str]().union(*(interface.optional for interface in interfaces))
    return Template(
        required=required,
        optional=optional - required,
        lane=source.lane,
        is_internal=False,
        links=frozenset[str]().union(*(interface.links for interface in interfaces)),
        on_unknown=source.on_unknown,
    )
