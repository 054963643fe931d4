"""The versions of templates that a process knows already; they never change."""

from services.notifications.rendering.versions import Version

MOST = 500


class TemplateCache:
    """Versions by name and number, and the numbers of what this release says."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, int], Version] = {}
        self.built_in: dict[str, int] = {}

    def add(self, version: Version) -> None:
        """Keep one more; all others go where there are too many."""
        if len(self.versions) >= MOST:
            self.versions.clear()
        self.versions[version.name, version.number] = version
