"""The page's service in each framework, as its commands start it, each under a name and port of its own."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.clients.page import Page

FRAMEWORKS = ("flask", "fastapi", "express")


@dataclass(frozen=True)
class Service:
    """One of them; three stand behind one gateway, so what the page calls orders is named after each."""

    framework: str
    port: int
    folder: Path

    @property
    def name(self) -> str:
        """The name of its upstream and route."""
        return f"orders-{self.framework}"

    @property
    def prefix(self) -> str:
        """Where clients call it."""
        return f"/api/v1/{self.name}"

    def write(self, page: Page) -> Path:
        """Its files as the page has them, but for the name; the route file."""
        page.write(self.folder)
        for path in (self.folder / self.framework).iterdir():
            path.write_text(path.read_text().replace("/api/v1/orders", self.prefix))
        routes = self.folder / "orders.toml"
        text = routes.read_text().replace('"orders', f'"{self.name}').replace("/api/v1/orders", self.prefix)
        text = text.replace(f'"{self.name}:read"', '"orders:read"').replace("9000", str(self.port))
        routes.write_text(text.replace("[upstreams.orders]", f"[upstreams.{self.name}]"))
        return routes

    def start(self, page: Page, *, gateway_url: str, packages: Path, node: Path) -> subprocess.Popen[bytes]:
        """Run the page's second line: what its first one installs is there."""
        _install, line = page.commands(self.framework)
        place = self.folder / self.framework
        if self.framework == "express":
            (place / "node_modules").symlink_to(node / "node_modules")
        path = f"{packages / 'bin'}{os.pathsep}{os.environ['PATH']}"
        line = line.replace("http://127.0.0.1:8080", gateway_url).replace("9000", str(self.port))
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                ["bash", "-c", f"export {line.partition(' ')[0]}; exec env {line.partition(' ')[2]}"],
                cwd=place,
                env={"PATH": path, "PYTHONPATH": str(packages), "HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def installed(self, page: Page) -> set[str]:
        """What the page has one install."""
        install, _line = page.commands(self.framework)
        return {word.partition("[")[0] for word in shlex.split(install)[2:]}
