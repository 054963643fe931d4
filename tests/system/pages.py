"""The blocks of a page for readers, and the folder in which a reader follows them.

A block of `bash` is run. One after a comment `<!-- file: NAME -->` is written to that file, lines for `.env`
before Doorward starts. `js` without a file runs in a browser, `text` is what somebody sees.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.chassis.testing.processes import bare_environment
from tests.system.backend import ROOT

FENCE = re.compile(r"^(?:<!-- file: (\S+) -->\n)?```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
FRONT_END = "getting-started-for-front-ends.md"
# What three newcomers read in their first hour, page by page. It begins with README.md, "Two commands".
HOURS = {
    "a front-end developer": (FRONT_END,),
    "a back-end developer": ("roles-scopes-and-api-keys.md", "testing-against-doorward.md"),
    "an operator": ("deployment.md", "metrics-and-alerts.md", "upgrading.md"),
}
OTHER_PAGES = (
    "organizations.md",
    "gateway.md",
    "customising-mails-and-pages.md",
    "names-and-looks.md",
    "coming-from-supabase.md",
    "coming-from-firebase.md",
    "coming-from-django.md",
    "coming-from-keycloak.md",
)
FOLLOWED = (*(page for hour in HOURS.values() for page in hour), *OTHER_PAGES)
PORTS = {"8080": "GATEWAY_PORT", "8025": "MAILBOX_PORT", "9090": "GATEWAY_METRICS_PORT", "8001": "AUTH_PORT"}
ENV = ".env"
PARTS_OF_A_CHECKOUT = ("deploy", "docker-compose.yml", ".env.example", "Makefile")
RUN_SECONDS = 280
PROGRAM_PATH = f"{os.environ['PATH']}:/usr/sbin"  # where Debian has its servers
# `docker compose run --rm auth X` is `doorward X` in a container: here X is run beside the system under test.
# What starts or stops containers is replaced by reading the Compose files with the reader's variables.
DOCKER = """#!/usr/bin/env bash
set -euo pipefail
[ "$1" = compose ] || { echo "no stand-in for: docker $*" >&2; exit 1; }
case $2 in
  run) [ "$3" = --rm ] && shift 4 && exec .venv/bin/doorward "$@" ;;
  build|up|down|ps|logs|exec|restart) exec "$REAL_DOCKER" compose config --quiet ;;
esac
echo "no stand-in for: docker $*" >&2
exit 1
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it says, and the file that it is written to, if any."""

    page: str
    heading: str
    line: int
    file: str | None
    language: str
    text: str

    @property
    def place(self) -> str:
        """`page:line`, for whoever looks for it."""
        return f"{self.page}:{self.line}"


def blocks(page: str, *headings: str) -> list[Block]:
    """The blocks of `docs/<page>`, or of the README, in order; those under ``headings``, if there are any."""
    path = ROOT / page if page == "README.md" else ROOT / "docs" / page
    text = path.read_text()
    found = [_block(page, text, match) for match in FENCE.finditer(text)]
    return [block for block in found if not headings or block.heading in headings]


def _block(page: str, text: str, match: re.Match[str]) -> Block:
    heading = [found[1] for found in HEADING.finditer(FENCE.sub(_blank, text[: match.start()]))][-1]
    return Block(page, heading, text.count("\n", 0, match.start()) + 1, match[1], match[2], match[3])


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "", match[0])


class Reader:
    """Somebody in a checkout who follows a page; ``addresses`` moves those that the pages name."""

    def __init__(self, folder: Path, *, addresses: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._addresses = addresses
        self._environment = {
            **bare_environment(),
            "HOME": str(folder),
            "REAL_DOCKER": shutil.which("docker") or "true",
            **environment,
        }
        self._environment["PATH"] = f"{folder}/bin:{self._environment['PATH']}"
        self._write_program("bin/docker", DOCKER)

    def borrow_checkout(self, *, doorward: str) -> None:
        """Have what pages name of this checkout, and ``doorward`` as the program of this name."""
        for part in PARTS_OF_A_CHECKOUT:
            (self.folder / part).symlink_to(ROOT / part)
        self._write_program(".venv/bin/doorward", doorward)
        (self.folder / "bin/python3").symlink_to(sys.executable)

    def follow(self, steps: Iterable[Block]) -> str:
        """Do what the blocks say, one after the other in one shell; returns what that printed."""
        return self.run("\n".join(self._act(block) for block in steps))

    def run(self, script: str) -> str:
        """Run a script in the checkout; returns what it printed."""
        outcome = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "trap 'echo \"failed at $AT\" >&2' ERR; set -E\n" + script],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )
        assert outcome.returncode == 0, f"{outcome.stdout}\n{outcome.stderr}"
        return outcome.stdout

    def knowing(self, **variables: str) -> "Reader":
        """The same reader, whose shell has these variables from now on."""
        self._environment |= variables
        return self

    def moved(self, text: str) -> str:
        """``text`` with the addresses of the system under test."""
        for named, real in self._addresses.items():
            text = text.replace(named, real)
        return text

    def _act(self, block: Block) -> str:
        at = f"AT={shlex.quote(block.place)}\n"
        if block.file == ENV:
            return at
        if block.file is not None:
            path = shlex.quote(block.file)
            content = shlex.quote(self.moved(block.text))
            return f'{at}mkdir -p "$(dirname {path})"\nprintf %s {content} > {path}'
        return at + self.moved(block.text) if block.language == "bash" else at

    def _write_program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


def addresses(environment: Mapping[str, str]) -> dict[str, str]:
    """Where a Doorward with that environment answers, by the addresses that the pages name."""
    moved = {
        f"{host}:{port}": f"{host}:{environment[name]}"
        for port, name in PORTS.items()
        for host in ("127.0.0.1", "localhost")
    }
    return {**moved, "https://accounts.example.org": environment["PUBLIC_URL"]}


def variables(pages: Iterable[str]) -> str:
    """The lines that the pages want in `.env`, together."""
    return "".join(block.text for page in pages for block in blocks(page) if block.file == ENV)


def is_installed(*programs: str) -> bool:
    """Whether all of them are on the PATH."""
    return all(shutil.which(program, path=PROGRAM_PATH) for program in programs)
