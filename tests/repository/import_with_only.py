"""Import modules in an interpreter that sees nothing but some distributions, the standard library and ours.

    python import_with_only.py '["flask", "celery"]' services.users.app

What any other distribution brings is hidden as if it were not installed: a venv without the minutes.
"""

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


class Curtain(MetaPathFinder):
    """Refuses the top-level packages that belong to no allowed distribution."""

    def __init__(self, allowed: set[str]) -> None:
        self._hidden = {
            package
            for package, distributions in packages_distributions().items()
            if not {_canonical(name) for name in distributions} & allowed
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing: either hide the module, or leave it to the finders that follow."""
        if fullname.partition(".")[0] in self._hidden:
            raise ModuleNotFoundError(f"{fullname} is not part of this process's extra", name=fullname)
        return None


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def main() -> None:
    """Import each module that is named, behind the curtain."""
    allowed = {*json.loads(sys.argv[1]), "doorward"}
    sys.path.insert(0, str(ROOT))
    sys.meta_path.insert(0, Curtain(allowed))
    for name in sys.argv[2:]:
        import_module(name)


if __name__ == "__main__":
    main()
