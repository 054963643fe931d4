"""One's own service under Compose, as docs/adding-a-service.md says: `python -m tests.system.compose_orders`.

A clone of the repository gets the page's files, and the page's command starts everything, on free ports and
under a project name of its own, with Flask, then FastAPI and Express. It takes three minutes, and pip and npm
have to reach a registry, hence no test.
"""

import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from shared.chassis.testing.engines import wait_until
from tests.clients.page import Page
from tests.system import journey
from tests.system.backend import ROOT
from tests.system.compose import ComposeStack

PAGE = ROOT / "docs" / "adding-a-service.md"
# By the file that is laid over the page's first one: the image that each service stands on.
FRAMEWORKS = {
    "compose.fastapi.yml": "python:3.13-slim-bookworm",
    "compose.express.yml": "node:22-bookworm-slim",
}
START_SECONDS = 600


def ask(stack: ComposeStack) -> None:
    """Sign up, and have one's own service say who calls; print each answer."""
    traveller = journey.Journey(stack.gateway_url, stack.mailbox_url, patience_seconds=30)
    traveller.register()
    traveller.verify()
    headers = journey.bearer(traveller.pair["access_token"])
    url = f"{stack.gateway_url}/api/v1/orders"

    def is_there() -> bool:
        optional = httpx.get(f"{stack.gateway_url}/readyz", timeout=10).json()["optional"]
        return bool(optional["orders"] == "pass")

    wait_until(is_there, what="the service orders at the gateway", seconds=60)
    account = httpx.get(f"{stack.gateway_url}/api/v1/users/me", headers=headers, timeout=10).json()["id"]
    order = journey.expect(httpx.get(f"{url}/7", headers=headers, timeout=10), 200)
    assert order == {"number": 7, "owner": account}, order
    _say(f"GET /api/v1/orders/7: 200 {order}")
    for path, status in (("/all", 403), ("/report", 403)):
        journey.expect(httpx.get(url + path, headers=headers, timeout=10), status)
        _say(f"GET /api/v1/orders{path}: {status}, since role or scope is missing")
    journey.expect(httpx.get(f"{url}/7", timeout=10), 401)
    _say("GET /api/v1/orders/7 without a token: 401")
    document = httpx.get(f"{stack.gateway_url}/openapi.json", timeout=30).json()
    assert "/api/v1/orders/{number}" in document["paths"]
    _say("/openapi.json has /api/v1/orders/{number}")


class Team:
    """Somebody in a checkout who has the page's files and runs its command."""

    def __init__(self, checkout: Path, stack: ComposeStack) -> None:
        self._checkout, self._stack = checkout, stack
        self._page = Page(PAGE)
        self._page.write(checkout)
        (checkout / ".env").unlink()  # of the part on `make up`

    def start(self, *files: str) -> None:
        """The page's command, with these files laid over."""
        script = "\n".join(self._page.commands("compose"))
        for name in files:
            script = script.replace(" up ", f" --file {name} up ")
        environment = self._stack.environment | {"COMPOSE_PROJECT_NAME": self._stack.project}
        began = time.monotonic()
        command = ["bash", "-euc", script]
        subprocess.run(command, cwd=self._checkout, env=environment, check=True, timeout=START_SECONDS)
        _say(f"{PAGE.name}, {script.splitlines()[-1]}: done after {time.monotonic() - began:.0f} s")


def is_there(image: str) -> bool:
    """Whether the image is here, or can be fetched."""
    found = subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0
    return found or subprocess.run(["docker", "pull", "--quiet", image], capture_output=True).returncode == 0


def main() -> None:
    """Start everything, ask, have the other frameworks in the same place, and leave nothing behind."""
    stack = ComposeStack()
    with TemporaryDirectory(prefix="doorward-compose-") as name:
        checkout = Path(name) / "doorward"
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
        team = Team(checkout, stack)
        try:
            team.start()
            ask(stack)
            for file, image in FRAMEWORKS.items():
                if is_there(image):
                    team.start(file)
                    ask(stack)
                else:
                    _say(f"{file}: not started, since {image} cannot be fetched here")
        finally:
            stack.close()
            subprocess.run(["docker", "image", "rm", f"{stack.project}-orders"], capture_output=True)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
