"""Names of people: what may be one, and what of it may stand in a mail from us to anybody.

A name is whatever its owner says, within one line that can be seen. In mail it is also text by a stranger,
perhaps to somebody who never asked: there it has letters and little else, and no place for a message.
"""

import re
import unicodedata

LONGEST = 200
LONGEST_GREETING = 40
_JOINERS = "\u200c\u200d"  # letters and emoji are joined by them
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0\u2800"  # letters and symbols that show nothing
_LOOKS_LIKE_A_DOMAIN = re.compile(r"\w\.\w")


class NameInvalid(ValueError):
    """The text is no name; its message says why."""


def checked(text: str) -> str:
    """The name in NFC without blanks around it; raises NameInvalid."""
    name = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(mark) in {"Cc", "Cf", "Cs", "Zl", "Zp"} - _allowed(mark) for mark in name):
        raise NameInvalid("Characters that cannot be seen are not allowed.")
    if name and not any(_is_visible(mark) for mark in name):
        raise NameInvalid("A name needs a character that can be seen.")
    return name


def _allowed(mark: str) -> set[str]:
    return {"Cf"} if mark in _JOINERS else set()


def _is_visible(mark: str) -> bool:
    return mark not in _BLANK_LETTERS and unicodedata.category(mark)[0] in "LNPS"


def greeting(name: str | None) -> str | None:
    """The name if a mail may greet with it; None for what is long, has digits or could be a link."""
    if not name or len(name) > LONGEST_GREETING or _LOOKS_LIKE_A_DOMAIN.search(name):
        return None
    is_plain = all(mark in " '’-." or unicodedata.category(mark)[0] in "LM" for mark in name)
    return name if is_plain and any(mark.isalpha() and _is_visible(mark) for mark in name) else None
