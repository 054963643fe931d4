"""Doorward's own templates, rendered as this release words them."""

from collections.abc import Mapping

from services.notifications.rendering import built_in, rendering
from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.rendering.versions import Version
from services.notifications.templating import looks
from services.notifications.templating.compiling import Rendered

LOOK = looks.look()


def version(name: str) -> Version:
    return Version(name, 1, TEMPLATES[name], built_in.source(name))


def render(name: str, locale: str, variables: Mapping[str, str]) -> Rendered:
    return rendering.render(version(name), locale, variables, LOOK)
