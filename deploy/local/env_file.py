"""The file ``.env`` beside the project, which Compose reads too: what it sets, `doorward up` has as well.

The environment wins over the file, and a variable that the file leaves empty is not set.
"""

import os
from pathlib import Path

from dotenv import dotenv_values

from deploy.local.settings import LocalSettings


def adopt(path: Path) -> list[str]:
    """Put what the file sets into this process's environment; the names, in order."""
    found = {name: value for name, value in dotenv_values(path).items() if value and name not in os.environ}
    os.environ.update(found)
    return sorted(found)


class Given:
    """The environment that the runner was started with, and beneath it the file, read anew each time."""

    def __init__(self) -> None:
        self.inherited = dict(os.environ)

    def read(self) -> tuple[LocalSettings, list[str]]:
        """The runner's settings now, and which names came from the file. Raises SettingsError."""
        os.environ.clear()
        os.environ.update(self.inherited)
        names = adopt(LocalSettings.load().env_file)
        return LocalSettings.load(), names
