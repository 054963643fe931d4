"""The README's journey, cut out of it and run as it stands but for the two addresses."""

import re
import subprocess

from shared.chassis.testing.processes import bare_environment
from tests.system.backend import ROOT

BLOCK = re.compile(r"<!-- journey: .*? -->\n```bash\n(.*?)```", re.DOTALL)
GATEWAY, MAILBOX = "http://127.0.0.1:8080", "http://127.0.0.1:8025"


def journey(gateway_url: str, mailbox_url: str) -> str:
    """What the journey prints at these addresses; a line of it that fails is an AssertionError."""
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found is not None, "the README has no journey"
    script = found[1]
    assert script.count(GATEWAY) == script.count(MAILBOX) == 1
    script = script.replace(GATEWAY, gateway_url).replace(MAILBOX, mailbox_url)
    outcome = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert outcome.returncode == 0, f"{outcome.stdout}\n{outcome.stderr}"
    return outcome.stdout
