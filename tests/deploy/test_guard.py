"""Behind the guard nothing outlives its starter, and nobody stays root who must not be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.program import GUARD, Identity, Program
from shared.chassis.testing.engines import wait_until
from tests.deploy.conftest import await_all_gone

ROOT = Path(__file__).parents[2]
STARTER = """
import subprocess, sys, time
sys.path.insert(0, {root!r})
from deploy.local.program import Program
program = Program("child", [sys.executable, "-c", "import time; time.sleep(60)"])
child = subprocess.Popen(program.guarded_command(), start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie one life to another")
def test_killed_starter_takes_its_children_along() -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER.format(root=str(ROOT))], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    child = int(starter.stdout.readline())
    wait_until(lambda: _has_become(child, "time.sleep"), what="the command behind the guard")

    starter.kill()
    starter.wait(10)
    starter.stdout.close()

    await_all_gone([child])


def test_starter_that_is_gone_already_starts_nothing() -> None:
    program = Program("late", [sys.executable, "-c", "print('started')"])
    command = program.guarded_command()
    command[command.index(str(os.getpid()))] = "1"  # as if another process had asked for it

    outcome = subprocess.run(command, capture_output=True, text=True)

    assert outcome.returncode == 1
    assert outcome.stdout == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_user_and_keeps_no_power() -> None:
    shown = _as_nobody("print(open('/proc/self/status').read())")

    assert "Uid:\t65534\t65534\t65534\t65534" in shown
    assert "CapEff:\t0000000000000000" in shown
    assert "CapPrm:\t0000000000000000" in shown


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_user_passes_through_a_folder_of_root_only_where_it_is_asked_for(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "open").write_text("reached")
    code = f"import os; print(os.access('{hidden}/open', os.R_OK))"

    without = _as_nobody(code)
    with_reach = _as_nobody(code, needs_reach=True)

    assert (without.strip(), with_reach.strip()) == ("False", "True")


def test_guard_needs_nothing_but_the_standard_library() -> None:
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"compile(open('{GUARD}').read(), 'g', 'exec')"], check=True
    )


def _as_nobody(code: str, *, needs_reach: bool = False) -> str:
    # The interpreter of the environment may lie where nobody may not pass: the system's will do.
    interpreter = next(path for path in ("/usr/bin/python3", sys.executable) if Path(path).exists())
    identity = Identity(65534, 65534, needs_reach=needs_reach)
    program = Program("nobody", [interpreter, "-I", "-S", "-c", code], identity=identity)
    outcome = subprocess.run(program.guarded_command(), capture_output=True, text=True, cwd="/")
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def _has_become(pid: int, words: str) -> bool:
    command = Path(f"/proc/{pid}/cmdline").read_text()
    return words in command and "guard.py" not in command
