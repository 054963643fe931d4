"""Which variables are settings of ours, and which only look like one: those are mistyped or gone."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

from deploy.processes import PROCESSES, settings_class
from shared.chassis.brand import BrandSettings

# Not of one process: read by Compose, by `doorward up`, or by the tests.
ELSEWHERE = frozenset(
    {
        "DOORWARD_DATA_DIR",
        "DOORWARD_ENV_FILE",
        "DOORWARD_TEMPLATE_DIR",
        "DOORWARD_TEST_SERVERS",
        "DOORWARD_VERSION",
    }
)
# Compose gives it to every process; one that shows nothing to anybody has no use for it.
BRAND = frozenset(str(field.validation_alias) for field in BrandSettings.model_fields.values())


def of(process: str) -> set[str]:
    """The variables that ``process`` reads."""
    cls = settings_class(process)
    return {cls.variable(field) for field in cls.model_fields}


def without_others(environment: Mapping[str, str], process: str) -> dict[str, str]:
    """The environment for ``process``: without what is a setting of other processes alone."""
    own = of(process)
    others = {name for other in PROCESSES if other != process for name in of(other)} - own
    return {name: value for name, value in environment.items() if name not in others}


def unknown(names: Iterable[str], processes: Collection[str]) -> Iterator[str]:
    """A sentence for each name that looks like a setting of one of these processes and is none."""
    known = {name for process in processes for name in of(process)} | ELSEWHERE | BRAND
    prefixes = ("DOORWARD_", "BRAND_", *(f"{process.upper()}_" for process in processes))
    for name in sorted(name for name in names if name.startswith(prefixes) and name not in known):
        nearest = get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else "; docs/settings.md lists all of them."
        yield f"{name} is set, but there is no such setting{hint}"
