"""Doorward's own templates, rendered as this release words them."""

from collections.abc import Mapping

from services.notifications import built_in, rendering
from services.notifications.catalog import TEMPLATES
from services.notifications.templating import looks
from services.notifications.templating.compiling import Rendered
from services.notifications.versions import Version

LOOK = looks.look()


def version(name: str) -> Version:
    return Version(name, 1, TEMPLATES[name], built_in.source(name))


def render(name: str, locale: str, variables: Mapping[str, str]) -> Rendered:
    return rendering.render(version(name), locale, variables, LOOK)
