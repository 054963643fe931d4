"""Three first hours, each from an empty machine: ``python -m tests.system.first_hour [operator …]``.

Each newcomer clones the repository into an empty folder, has an empty home and nothing of this checkout's
environment, runs `make up` as README.md says, and then does what the pages say, block by block. Only ports
are moved, and `docker compose` has the stand-in that tests/system/test_pages.py uses, the short form of this.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import bare_environment, kill_group
from tests.deploy.conftest import PORTS
from tests.system import pages
from tests.system.backend import ROOT

START = "README.md, Two commands"
INSTALL_SECONDS = 900.0  # what `make up` installs first
# How this machine reaches a package registry, without which nothing can be installed on an empty one.
NETWORK = re.compile(r"(PIP|UV|SSL|REQUESTS)_.*|(HTTPS?|NO)_PROXY", re.IGNORECASE)


def spend(newcomer: str, folder: Path) -> None:
    """Do what the newcomer does in the first hour, and print each step with its page."""
    checkout = folder / "doorward"
    subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
    if wanted := pages.variables(pages.HOURS[newcomer]):
        (checkout / pages.ENV).write_text(wanted)
    environment = {**bare_environment(HOME=str(folder)), **network()}
    with started(checkout, {**environment, **dict.fromkeys(PORTS, "0")}) as log:
        state = orjson.loads((checkout / ".data/state.json").read_bytes())["environment"]
        reader = pages.Reader(checkout, addresses=pages.addresses(state), environment=environment)
        for page in pages.HOURS[newcomer]:
            with step(page):
                reader.follow(pages.blocks(page))
    assert "Traceback" not in log.read_text(), log.read_text()


def network() -> dict[str, str]:
    """The variables of this machine that lead to a package registry."""
    return {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    began = time.monotonic()
    _say(f"{name} …")
    yield
    _say(f"{name}: done after {time.monotonic() - began:.0f} s")


@contextmanager
def started(checkout: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """`make up` in the checkout, from when it says that it is ready; yields its log. Ctrl-C ends it."""
    log = checkout.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "up"],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def is_ready() -> bool:
        assert process.poll() is None, log.read_text()
        return "Doorward is ready" in log.read_text()

    try:
        with step(START):
            wait_until(is_ready, what="a Doorward that is ready", seconds=INSTALL_SECONDS)
        yield log
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)  # with the code of make, which a Ctrl-C ends too
        assert log.read_text().endswith("stopped\n"), log.read_text()
    finally:
        kill_group(process)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main() -> None:
    """Spend the first hour of those who are named, or of all."""
    for newcomer in pages.HOURS:
        if all(name not in newcomer for name in sys.argv[1:]) and sys.argv[1:]:
            continue
        _say(f"== {newcomer}")
        with TemporaryDirectory(prefix="doorward-first-hour-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # as root, the database server is nobody, who has to pass through
            spend(newcomer, folder)


if __name__ == "__main__":
    main()
