"""What Doorward's own templates say: one file for each template and language, read once."""

from functools import cache

from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.rendering.versions import Source
from services.notifications.templating.looks import DIRECTORY
from services.notifications.templating.wordings import Wording


@cache
def source(name: str) -> Source:
    """What the template ``name`` says in this release; raises KeyError where there is no such one."""
    template = TEMPLATES[name]
    languages = {
        path.parent.name: Wording(blocks=path.read_text())
        for path in sorted(DIRECTORY.glob(f"*/{name}.jinja"))
    }
    return Source(languages, lane=template.lane)
