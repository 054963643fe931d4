"""The supervisor, on stand-ins: ready in order, again after a death, gone in order."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local import probes
from deploy.local.console import Console
from deploy.local.errors import StartFailed
from deploy.local.program import Program
from deploy.local.supervisor import Patience, Supervisor
from tests.deploy.conftest import is_alive

QUICK = Patience(start=10, stop=2, first_pause=0.05, longest_pause=0.2, calm=5)
SLEEP = "import time; time.sleep(60)"


class Stage:
    """A supervisor with what it printed."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.supervisor = Supervisor(Console(self.stream), patience=QUICK)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    async def await_text(self, text: str) -> None:
        async with asyncio.timeout(10):
            while text not in self.text:  # noqa: ASYNC110  (the console is no awaitable)
                await asyncio.sleep(0.01)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    await made.supervisor.stop()


def python(name: str, code: str, **options: object) -> Program:
    return Program(name, [sys.executable, "-u", "-c", code], environment=dict(os.environ), **options)  # type: ignore[arg-type]


async def test_lines_carry_the_name_of_their_process(stage: Stage) -> None:
    await stage.supervisor.run(python("speaker", "print('hello'); import sys; print('oh', file=sys.stderr)"))

    assert "speaker              | hello\n" in stage.text
    assert "speaker              | oh\n" in stage.text


async def test_start_returns_when_all_are_ready(stage: Stage, tmp_path: Path) -> None:
    code = f"import pathlib, time; time.sleep(0.3); pathlib.Path('{tmp_path}/up').touch(); time.sleep(60)"

    await stage.supervisor.start([python("slow", code, is_ready=probes.touched(tmp_path / "up"))])

    assert (tmp_path / "up").exists()
    assert list(stage.supervisor.processes) == ["slow"]


async def test_death_while_starting_is_the_end_and_says_the_last_line(stage: Stage) -> None:
    never = python("broken", "print('AUTH_PORT: is wrong.'); raise SystemExit(2)", is_ready=_never)

    with pytest.raises(StartFailed, match=r"broken failed with exit code 2 .* AUTH_PORT: is wrong\."):
        await stage.supervisor.start([never])


async def test_what_is_never_ready_fails_the_start(stage: Stage) -> None:
    supervisor = Supervisor(Console(stage.stream), patience=Patience(start=0.3, stop=2))

    with pytest.raises(StartFailed, match=r"mute was not ready within 0\.3 seconds"):
        await supervisor.start([python("mute", SLEEP, is_ready=_never)])
    await supervisor.stop()


async def test_process_that_dies_is_started_again_and_said_so(stage: Stage) -> None:
    await stage.supervisor.start([python("service", SLEEP)])
    first = stage.supervisor.processes["service"]

    os.kill(first, signal.SIGKILL)
    await stage.await_text("service is back")

    assert "service was killed by SIGKILL; it is started again in 0.05 s" in stage.text
    assert stage.supervisor.processes["service"] != first


async def test_pauses_between_restarts_grow(stage: Stage) -> None:
    await stage.supervisor.start([python("weak", "import time; time.sleep(0.1); raise SystemExit(1)")])

    await stage.await_text("again in 0.2 s")

    pauses = [line.rsplit(" ", 2)[-2] for line in stage.text.splitlines() if "again in" in line]
    assert pauses[:3] == ["0.05", "0.1", "0.2"]


async def test_stages_stop_in_the_opposite_order(stage: Stage, tmp_path: Path) -> None:
    code = """
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path(FILE).write_text(str(time.monotonic_ns()))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up")
signal.pause()
"""
    for name in ("store", "service", "edge"):
        await stage.supervisor.start([python(name, code.replace("FILE", repr(str(tmp_path / name))))])
        await stage.await_text(f"{name:<20} | up")

    await stage.supervisor.stop()

    ended_at = {name: int((tmp_path / name).read_text()) for name in ("store", "service", "edge")}
    assert sorted(ended_at, key=ended_at.__getitem__) == ["edge", "service", "store"]


async def test_process_that_ignores_the_signal_is_killed(stage: Stage) -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('up'); signal.pause()"
    await stage.supervisor.start([python("stubborn", code)])
    await stage.await_text("| up")
    pid = stage.supervisor.processes["stubborn"]

    await stage.supervisor.stop()

    assert not is_alive(pid)
    assert "stubborn did not stop in time and was killed" in stage.text


async def test_children_of_a_dead_process_go_with_it(stage: Stage, tmp_path: Path) -> None:
    code = (
        f"import pathlib, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', '{SLEEP}']);"
        f"pathlib.Path('{tmp_path}/child').write_text(str(child.pid)); print('up', flush=True);"
        "time.sleep(60)"
    )
    await stage.supervisor.start([python("parent", code)])
    await stage.await_text("| up")
    child = int((tmp_path / "child").read_text())

    os.kill(stage.supervisor.processes["parent"], signal.SIGKILL)
    await stage.await_text("parent is back")

    assert not is_alive(child)


async def test_long_line_does_not_stop_the_log(stage: Stage) -> None:
    await stage.supervisor.run(python("talker", "print('x' * 3_000_000); print('after')"))

    assert "| after\n" in stage.text


async def test_stopping_does_not_wait_for_a_restart_that_is_due(stage: Stage) -> None:
    supervisor = Supervisor(Console(stage.stream), patience=Patience(first_pause=60, longest_pause=60))
    await supervisor.start([python("service", SLEEP)])
    os.kill(supervisor.processes["service"], signal.SIGKILL)
    await stage.await_text("again in 60 s")

    async with asyncio.timeout(5):
        await supervisor.stop()


async def _never(_pid: int) -> bool:
    return False
