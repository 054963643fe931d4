"""The use cases of those who write templates: list, show, write, remove, preview, and send a test."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.notifications.authoring import template_checks
from services.notifications.deps import deps
from services.notifications.errors import (
    RecipientUnknown,
    TemplateExists,
    TemplateInvalid,
    TemplateNotFound,
)
from services.notifications.lanes import NORMAL
from services.notifications.messages import acceptance
from services.notifications.messages.acceptance import Wanted
from services.notifications.models import db
from services.notifications.rendering import built_in, catalog, rendering, version_choice
from services.notifications.rendering.versions import Source, Version
from services.notifications.store import recipients
from services.notifications.store import templates as store
from services.notifications.templating.compiling import Rendered
from services.notifications.templating.variables import schema_of
from services.notifications.templating.wordings import Wording
from shared.chassis.database import transaction

TEST_TOPIC = "general"


def list_all() -> dict[str, Any]:
    """Every template that new messages may name, by name, without what it says."""
    own = {row.name for row in store.list_current()}
    with transaction(db):  # what this release says becomes a version, where it is none yet
        found = [_get(name) for name in sorted(own | catalog.TEMPLATES.keys())]
    return {"items": [_as_shown(version, is_own=version.name in own) for version in found]}


def get(name: str, number: int | None = None) -> dict[str, Any]:
    """The template as new messages get it, or that version; raises TemplateNotFound."""
    with transaction(db):
        version = _get(name)
        is_own = store.find_current(name) is not None
    if number is not None:
        version = version_choice.find(name, number) or version
        if version.number != number:
            raise TemplateNotFound
    shown = _as_shown(version, is_own=is_own)
    return {**shown, "languages": version.source.as_dict()["languages"], "versions": _versions(name)}


def _get(name: str) -> Version:
    version = version_choice.current(name)
    if version is None:
        raise TemplateNotFound
    return version


def _versions(name: str) -> list[dict[str, Any]]:
    return [
        {
            "version": row.number,
            "is_built_in": row.is_built_in,
            "created_by": row.created_by,
            "created_at": row.created_at,
        }
        for row in store.versions_of(name)
    ]


def create(name: str, *, by: UUID | None, **written: Any) -> dict[str, Any]:
    """Write a new template; raises TemplateExists, TemplateInvalid."""
    with transaction(db):
        if name in catalog.TEMPLATES or store.find_current(name) is not None:
            raise TemplateExists
        _write(name, _source(None, written), by)
    return get(name)


def put(name: str, *, by: UUID | None, **written: Any) -> dict[str, Any]:
    """Write the template as new messages shall get it; raises TemplateInvalid.

    One language is put beside the others; ``languages`` takes the place of all.
    """
    with transaction(db):
        version = version_choice.current(name)
        _write(name, _source(version.source if version else None, written), by)
    return get(name)


def _source(present: Source | None, written: Mapping[str, Any]) -> Source:
    present = present or Source({}, lane=NORMAL)
    languages = written.get("languages")
    if languages is None:
        languages = {**{k: w.as_dict() for k, w in present.languages.items()}, written["locale"]: written}
    return Source(
        {locale: Wording.of(members) for locale, members in languages.items()},
        lane=written.get("lane") or present.lane,
        on_unknown=written.get("on_unknown") or present.on_unknown,
    )


def write_all(sources: Mapping[str, Source]) -> dict[str, int]:
    """Let new messages get all of these, or none; the number of each. Raises TemplateInvalid."""
    with transaction(db):
        return {name: _write(name, source, None) for name, source in sources.items()}


def _write(name: str, source: Source, by: UUID | None) -> int:
    template_checks.check(name, source, deps().look)
    number = store.add_version(name, source.hash, source.as_dict(), is_built_in=False, created_by=by)
    store.set_current(name, number)
    return number


def remove(name: str) -> None:
    """Let new messages get Doorward's own template again, or none; raises TemplateNotFound."""
    with transaction(db):
        _get(name)
        if not store.remove(name):
            raise TemplateNotFound


def preview(
    name: str, *, locale: str, variables: Mapping[str, str], version: int | None = None, **draft: Any
) -> Rendered:
    """What a reader of ``locale`` would get, by the template or by a draft that is not stored.

    Raises TemplateNotFound, TemplateInvalid and VariablesInvalid.
    """
    wording = Wording.of(draft)
    if wording.as_dict():
        source = Source({locale: wording})
        template_checks.check(name, source, deps().look)
        found = Version(name, 0, version_choice.described(name, source), source)
    elif version is not None:
        found = _find(name, version)
    else:
        with transaction(db):
            found = _get(name)
    catalog.check_exactly(found.template, variables)
    try:
        return rendering.render(found, locale, variables, deps().look)
    except rendering.MISTAKES as error:
        raise TemplateInvalid(errors=[{"pointer": f"/languages/{locale}", "detail": str(error)}]) from error


def _find(name: str, number: int) -> Version:
    version = version_choice.find(name, number)
    if version is None:
        raise TemplateNotFound
    return version


def send_test(name: str, *, locale: str | None, variables: Mapping[str, str], by: UUID) -> dict[str, Any]:
    """Send the template to whoever asks for it, and to nobody else; raises as a message would."""
    with transaction(db):
        version = _get(name)
        catalog.check_exactly(version.template, variables)
        recipient = recipients.find(by)
        if recipient is None or recipient.email is None:
            raise RecipientUnknown
        wanted = Wanted(
            template=name,
            to_email=recipient.email,
            locale=locale or recipient.locale or rendering.FALLBACK_LOCALE,
            topic=TEST_TOPIC,
            variables=variables,
            account_id=by,
            requested_by=by,
            lane=NORMAL,
        )
        message_id, status = acceptance.take_wanted(wanted, version)
    return {"id": message_id, "status": status}


def sources(*, with_built_in: bool) -> dict[str, Source]:
    """What every template says: the team's own, and perhaps Doorward's that it has not written anew."""
    own = {row.name: Source.of(row.source) for row in store.list_current()}
    ours = {name: built_in.source(name) for name in catalog.TEMPLATES} if with_built_in else {}
    return {**ours, **own}


def _as_shown(version: Version, *, is_own: bool) -> dict[str, Any]:
    template = version.template
    return {
        "name": version.name,
        "version": version.number,
        "is_built_in": version.name in catalog.TEMPLATES,
        "is_own": is_own,
        "is_internal": template.is_internal,
        "lane": template.lane,
        "on_unknown": catalog.SEND_AGAIN if template.is_sent_again else catalog.ASK,
        "locales": sorted(version.source.languages),
        "variables_schema": schema_of(template.required, template.optional, template.links),
    }
