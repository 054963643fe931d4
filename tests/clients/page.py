"""The files and commands of a page of the docs, as somebody who follows it literally has them."""

import re
from pathlib import Path

_BLOCK = re.compile(r"<!-- (file|run)(?:: ([^ ]+))? -->\n```\w+\n(.*?)```", re.DOTALL)


class Page:
    """One page."""

    def __init__(self, path: Path) -> None:
        blocks = _BLOCK.findall(path.read_text())
        self.files = {name: text for kind, name, text in blocks if kind == "file"}
        self._commands = {name: text.splitlines() for kind, name, text in blocks if kind == "run"}

    def write(self, folder: Path) -> None:
        """Put every file of the page where it says."""
        for name, text in self.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def commands(self, name: str = "") -> list[str]:
        """The lines of a block that somebody is to run."""
        return self._commands[name]
