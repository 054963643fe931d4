"""What a template says in one language, in one of the three forms that authors may write. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from services.notifications.templating.environment import TemplateMistake


@dataclass(frozen=True, slots=True)
class Wording:
    """A subject with a text and perhaps an HTML part, or with Markdown for both; or the layout's blocks."""

    subject: str = ""
    text: str = ""
    html: str = ""
    markdown: str = ""
    blocks: str = ""

    def as_dict(self) -> dict[str, str]:
        """The members that are written."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> "Wording":
        """The wording of these members; what is not one is passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: str(value) for name, value in members.items() if name in known and value})

    def check_form(self) -> None:
        """Raise TemplateMistake where the members do not make one of the three forms."""
        written = self.as_dict().keys()
        if "blocks" in written:
            if written != {"blocks"}:
                raise TemplateMistake("`blocks` says everything: give nothing beside it")
        elif "subject" not in written:
            raise TemplateMistake("a subject is missing")
        elif "markdown" in written:
            if written != {"subject", "markdown"}:
                raise TemplateMistake("`markdown` is both parts: give no `text` or `html` beside it")
        elif "text" not in written:
            raise TemplateMistake("give `markdown`, or `text` with or without `html`")
