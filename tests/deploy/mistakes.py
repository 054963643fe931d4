"""Forty mistakes in the settings of `make up`, and how long each takes to appear: ``make time-mistakes``.

The command starts `doorward up` anew for each, as its user would, and prints seconds and sentence. It fails
where one takes longer than ten seconds or is another than the table's. The tests look at the sentences alone.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.deploy.conftest import PORTS

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 10.0
TABLE = Path(__file__).with_name("mistakes.txt").read_text().splitlines()[1:]
MISTAKES = {name: sentence.strip() for name, sentence in zip(TABLE[::2], TABLE[1::2], strict=True)}
FILES = {
    "broken.toml": "[[routes]\n",
    "unknown.toml": "[[routes]]\nname = 'x'\nprefix = '/x'\nupstream = 'orders'\n",
}


def write_files(folder: Path) -> None:
    """Write the files that some of the mistakes name."""
    for file, text in FILES.items():
        (folder / file).write_text(text)


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """A newcomer's environment, its data in ``folder``."""
    own = {"DOORWARD_DATA_DIR": str(folder / "data"), "DOORWARD_ENV_FILE": str(folder / ".env")}
    return {"PATH": os.environ["PATH"], **dict.fromkeys(PORTS, "0"), **own, **variables}


def run_up(
    folder: Path, *, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`doorward up` to its end."""
    own = {"PYTHONPATH": str(ROOT), **environment(folder, **variables)}
    return subprocess.run([python, "-m", "deploy", "up"], env=own, cwd=folder, capture_output=True, text=True)


def exit_code(variable: str) -> int:
    """What `doorward up` exits with where this variable is wrong."""
    return 5 if variable == "DOORWARD_DATA_DIR" else 2


def is_expected(mistake: str, said: str) -> bool:
    """Whether it is the one sentence of the table, without a secret."""
    starts = said.startswith(f"doorward: {MISTAKES[mistake]}")
    return starts and said.count("\n") == 1 and "hidden" not in said


def main() -> None:
    """Make each mistake; the argument is the Python to run `doorward up` with, by default this one."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    outcomes = [_make(mistake, python) for mistake in MISTAKES]
    slowest, wrong = max(seconds for seconds, _ in outcomes), sum(not is_right for _, is_right in outcomes)
    is_pass = slowest <= MOST_SECONDS and not wrong
    _say(f"{'PASS' if is_pass else 'FAIL'}: {len(MISTAKES)} mistakes, {wrong} wrong, slowest {slowest:.1f} s")
    sys.exit(not is_pass)


def _make(mistake: str, python: str) -> tuple[float, bool]:
    """The seconds that it takes to appear, and whether what is said is right; prints both."""
    name, _, value = mistake.partition("=")
    with TemporaryDirectory(prefix="doorward-mistake-") as folder:
        write_files(Path(folder))
        began = time.monotonic()
        outcome = run_up(Path(folder), python=python, **{name: value})
        seconds = time.monotonic() - began
    is_right = is_expected(mistake, outcome.stderr) and outcome.returncode == exit_code(name)
    _say(f"{seconds:5.1f} s  {mistake}\n{'' if is_right else 'WRONG':9}{outcome.stderr.strip()}")
    return seconds, is_right


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
