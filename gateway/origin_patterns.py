"""Which origins a list of them means: exact ones, all below a domain, or one at any port. Pure.

Expressions are anchored at both ends, and a dot is a dot.
"""

import re
from collections.abc import Iterable

LONGEST_ORIGIN = 512
_SUBDOMAINS = re.compile(r"^([a-z][a-z0-9+.-]*://)\*\.(.+)$")


def origin_pattern(origin: str) -> str:
    """``origin`` as an anchored expression: a dot is a dot, and a star is one or more labels, or any port."""
    name = origin.removesuffix(":*")
    port = "" if name == origin else "(:[0-9]{1,5})?"
    match = _SUBDOMAINS.match(name)
    if match is None:
        return rf"^{re.escape(name)}{port}\Z"
    return rf"^{re.escape(match[1])}([a-z0-9-]+\.)+{re.escape(match[2])}{port}\Z"


def compiled(origins: Iterable[str]) -> list[re.Pattern[str]]:
    """The expressions of ``origins``; ``*`` alone is for its reader."""
    return [re.compile(origin_pattern(origin)) for origin in origins if origin != "*"]


def match(patterns: Iterable[re.Pattern[str]], origin: str) -> bool:
    """Whether one of them is ``origin``'s."""
    return len(origin) <= LONGEST_ORIGIN and any(pattern.match(origin) for pattern in patterns)
