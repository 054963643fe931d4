"""Another checkout of this repository as a contestant, so that one run shows what a change costs.

    git worktree add --detach ../before COMMIT
    python3 -m venv ../before/.venv
    ../before/.venv/bin/pip install -r ../before/requirements/gateway.txt
    ../before/.venv/bin/pip install --no-deps -e ../before
    python -m bench.gateway --beside ../before

The other checkout says itself how its gateway is started: its modules and its table are not those of now.
"""

import json
import subprocess
import sys
from pathlib import Path

from bench.gateway.checks import ALL
from bench.gateway.contestants import Contestant

# Runs there. The arguments of ``doorward`` have been the same since the first bench.
_ASK = """
import json, sys
from pathlib import Path
from bench.gateway import contestants
given = json.loads(sys.argv[1])
one = contestants.doorward("", **{**given, "folder": Path(given["folder"])})
print(json.dumps([one.command, one.environment]))
"""


def checkout(
    home: Path, port: int, metrics_port: int, *, upstream: str, redis_url: str, folder: Path
) -> Contestant:
    """The gateway of the checkout ``home``, in its own environment, with its limits leased."""
    own = folder / f"beside-{port}"
    own.mkdir(exist_ok=True)
    given = {
        "port": port,
        "metrics_port": metrics_port,
        "upstream": upstream,
        # A database of its own: the two may keep their counts in different forms under one name.
        "redis_url": f"{redis_url.rpartition('/')[0]}/1",
        "folder": str(own),
        "slack": 0.02,
    }
    python = home / ".venv" / "bin" / "python"
    asked = subprocess.run(
        [str(python), "-c", _ASK, json.dumps(given)], cwd=home, stdout=subprocess.PIPE, text=True
    )
    if asked.returncode:
        sys.exit(f"{home} does not say how its gateway is started")
    command, environment = json.loads(asked.stdout)
    return Contestant(f"doorward of {home.name}", command, port, environment, ALL, home)
