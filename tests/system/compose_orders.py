"""One's own service under Compose, as docs/adding-a-service.md says: `python -m tests.system.compose_orders`.

A clone of the repository gets the page's files, and the page's command starts everything, on free ports and
under a project name of its own. It takes two minutes and pip has to reach a registry, hence no test.
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


def run(checkout: Path, stack: ComposeStack) -> None:
    """The block of the page, in the checkout."""
    page = Page(PAGE)
    for name in ("compose.orders.yml", "orders.toml", "flask/orders.py"):
        target = checkout / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(page.files[name])
    script = "\n".join(page.commands("compose"))
    environment = stack.environment | {"COMPOSE_PROJECT_NAME": stack.project}
    began = time.monotonic()
    subprocess.run(["bash", "-euc", script], cwd=checkout, env=environment, check=True, timeout=START_SECONDS)
    _say(f"{PAGE.name}, {script.splitlines()[-1]}: done after {time.monotonic() - began:.0f} s")


def main() -> None:
    """Start everything, ask, and leave nothing behind."""
    stack = ComposeStack()
    with TemporaryDirectory(prefix="doorward-compose-") as name:
        checkout = Path(name) / "doorward"
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
        try:
            run(checkout, stack)
            ask(stack)
        finally:
            stack.close()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
