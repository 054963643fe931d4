"""`doorward up` with everything that it starts: ready, mended, stopped, and in order after a kill.

A start takes ten seconds of processor time and more: the tests share as few of them as they can.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.processes import PROCESSES, SERVICES
from shared.chassis.testing.engines import free_port, wait_until
from tests.deploy.conftest import PORTS, Runner, await_all_gone, is_alive, status_of
from tests.system import readme
from tests.system.journey import Journey

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),  # a test starts everything more than once
]
EVERYTHING = {
    "postgres",
    "valkey",
    "mailbox",
    "gateway",
    *SERVICES,
    *(f"{service}-worker" for service in SERVICES),
}
MakeRunner = Callable[..., Runner]


@pytest.fixture(scope="module")
def running(data_folder: Path) -> Iterator[Runner]:
    """A runner that is ready, on a folder whose first start was killed while it made the databases."""
    (data_folder / "postgres.new.killed" / "data" / "base").mkdir(parents=True)
    (data_folder / f"secrets.json.{os.getpid()}.new").write_text('{"jwt_se')
    runner = Runner(data_folder)
    try:
        yield runner.start_until_ready()
    finally:
        runner.stop()


@pytest.fixture(scope="module")
def kept_folder(running: Runner) -> Path:
    """What the folder of a runner that was stopped holds, to copy from: a start takes its seconds."""
    _mailed_to(running, "kept@example.org")  # auth has a key in its database from here on
    assert running.stop() == 0
    kept = running.folder.with_name("kept")
    _copy(running.folder, kept)
    running.start_until_ready()
    return kept


@pytest.fixture
def stopped_folder(kept_folder: Path) -> Iterator[Path]:
    """A folder of the test's own that a runner has left in order."""
    folder = kept_folder.with_name("stopped")
    _copy(kept_folder, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def mended(kept_folder: Path) -> Iterator[Runner]:
    """A runner that is ready, started for a program, on a folder in which two things were wrong."""
    folder = kept_folder.with_name("damaged")
    _copy(kept_folder, folder)
    # The number in the file now belongs to this very test.
    lines = [str(os.getpid()), str(folder / "postgres"), "1", "5432", "", "127.0.0.1", "1 1", "ready"]
    (folder / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    (manifest,) = (folder / "valkey" / "appendonlydir").glob("*.manifest")
    manifest.write_text("this is no manifest\n")
    runner = Runner(folder)
    runner.arguments = ["--json"]
    try:
        runner.start().first_json()
        yield runner
        assert runner.stop() == 0
    finally:
        runner.kill()


def await_ready(runner: Runner) -> None:
    wait_until(lambda: status_of(f"{runner.gateway_url}/readyz") == 200, what="a gateway that is ready")


def test_everything_runs_and_the_summary_says_where(running: Runner) -> None:
    assert set(running.processes) == EVERYTHING
    assert status_of(f"{running.gateway_url}/readyz") == 200
    assert running.gateway_url in running.text
    assert f":{running.state['environment']['MAILBOX_PORT']}" in running.text


def test_secrets_are_nowhere_in_the_log(running: Runner) -> None:
    secrets = Path(running.folder / "secrets.json").read_text().split('"')[3::4]

    assert [secret for secret in secrets if secret in running.text] == []


def test_the_readme_s_journey_works_as_it_stands(running: Runner) -> None:
    printed = readme.journey(running.gateway_url, _mailbox_url(running))

    assert '"status": "verification_sent"' in printed
    assert '"timezone": "Europe/London"' in printed


def _mailbox_url(running: Runner) -> str:
    return f"http://127.0.0.1:{running.state['environment']['MAILBOX_PORT']}"


def _mails_to(running: Runner, address: str) -> Any:
    return httpx.get(f"{_mailbox_url(running)}/api/messages", params={"to": address}).json()


def _post(running: Runner, call: str, **body: str) -> int:
    return httpx.post(f"{running.gateway_url}/api/v1/auth/{call}", json=body, timeout=20).status_code


def _mailed_to(running: Runner, address: str) -> Any:
    """The mail that a registration of the address brings."""
    assert _post(running, "register", email=address, password="a long and unusual passphrase") == 202
    wait_until(lambda: bool(_mails_to(running, address)), what="the verification mail")
    (mail,) = _mails_to(running, address)
    return mail


@pytest.mark.parametrize("name", ["auth", "auth-worker", "gateway", "mailbox", "postgres", "valkey"])
def test_process_that_is_killed_comes_back(running: Runner, name: str) -> None:
    before = running.processes[name]

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: running.processes.get(name, before) != before, what=f"another {name}")
    running.await_text(f"{name} is back")
    await_ready(running)
    assert f"{name} was killed by SIGKILL; it is started again" in running.text


def test_command_beside_the_runner_sees_its_settings(running: Runner) -> None:
    options = ["--email", "admin@example.org", "--password", "a long and unusual passphrase"]

    outcome = subprocess.run(
        [sys.executable, "-m", "deploy", "create-admin", *options],
        env=running.environment,
        capture_output=True,
        text=True,
    )

    assert outcome.returncode == 0, outcome.stderr
    assert "admin@example.org" in outcome.stdout


def test_status_shows_every_process_and_queue(running: Runner) -> None:
    wait_until(lambda: _status(running).returncode == 0, what="everything to be ready")

    printed = _status(running).stdout

    rows = {line.split("  ")[0]: line.split() for line in printed.splitlines() if line}
    assert EVERYTHING | {"doorward up"} <= rows.keys()
    assert rows["gateway"][1] == "ready"
    for name in PROCESSES:
        assert rows[name][3:] == [str(running.processes[name]), version("doorward")]
    assert rows["valkey"][1] == "running"
    assert rows["messages of auth"][-1] == "0"
    assert "mails, urgent" in rows


def test_status_says_what_is_not_ready(running: Runner) -> None:
    stranger = {**running.environment, "USERS_URL": f"http://127.0.0.1:{free_port()}"}

    outcome = _status(running, **stranger)

    assert outcome.returncode == 1
    assert re.search(
        r"^users +no answer at http://127\.0\.0\.1:\d+ \(ConnectError\)", outcome.stdout, re.MULTILINE
    )


def _status(running: Runner, **environment: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "deploy", "status"]
    return subprocess.run(line, env=running.environment | environment, capture_output=True, text=True)


def test_second_runner_on_the_folder_is_refused(running: Runner, new_runner: MakeRunner) -> None:
    second = new_runner(running.folder)

    assert second.run_to_end() == 3
    assert "already runs on" in second.text
    assert status_of(f"{running.gateway_url}/readyz") == 200


def test_port_in_use_is_one_sentence(tmp_path: Path, new_runner: MakeRunner, busy_port: int) -> None:
    runner = new_runner(tmp_path / "data", GATEWAY_PORT=str(busy_port))

    assert runner.run_to_end() == 4
    assert runner.text.startswith(f"doorward: Port {busy_port} (GATEWAY_PORT) is in use by another program")
    assert len(runner.text.splitlines()) == 1


def test_start_that_fails_stops_what_it_had_started(tmp_path: Path, new_runner: MakeRunner) -> None:
    runner = new_runner(tmp_path / "data", **_own_stores())

    assert runner.run_to_end() == 6
    assert re.search(
        r"_DATABASE_URL: connection failed: .* port \d+ failed: Connection refused\.$", runner.text.rstrip()
    )
    assert "Traceback" not in runner.text
    assert not (tmp_path / "data" / "state.json").exists()


def test_stop_is_in_order_leaves_nothing_and_loses_nothing(running: Runner) -> None:
    address, mail = "lasting@example.org", _mailed_to(running, "lasting@example.org")

    def start_again_after(step: str) -> None:
        if step == "change_profile":
            _stop_in_order(running)
            running.start_until_ready()

    try:
        Journey(running.gateway_url, _mailbox_url(running)).walk(between=start_again_after)
    finally:
        if not (running.folder / "state.json").exists():
            running.start_until_ready()
    assert _mails_to(running, address) == [mail]
    (code_of_the_mail,) = re.findall(r"^\s*(\d{6})\s*$", mail["text"], re.MULTILINE)
    assert _post(running, "verify-email", email=address, code=code_of_the_mail) == 200


def _stop_in_order(running: Runner) -> None:
    pids = list(running.processes.values())
    ports = [int(running.state["environment"].get(name) or running.environment[name]) for name in PORTS]

    assert running.stop() == 0

    assert not any(map(is_alive, pids))
    assert [port for port in ports if not _is_free(port)] == []
    assert "was killed" not in running.text.partition("stopping;")[2]
    assert not (running.folder / "state.json").exists()


def test_reload_starts_what_has_new_settings_and_nothing_else(running: Runner) -> None:
    before = running.processes
    preflight = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    env_file = running.folder.with_suffix(".env")
    env_file.write_text("GATEWAY_ALLOWED_ORIGINS=https://app.example.org\n")

    running.reload("reloaded")

    assert [name for name, pid in running.processes.items() if pid != before[name]] == ["gateway"]
    answer = httpx.options(f"{running.gateway_url}/api/v1/auth/login", headers=preflight)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.org"


def test_reload_with_a_mistake_says_it_and_changes_nothing(running: Runner) -> None:
    before = running.processes
    env_file = running.folder.with_suffix(".env")
    kept = env_file.read_text() if env_file.exists() else ""
    env_file.write_text("LOG_LEVEL=loud\nGATEWAY_PORT=1\n")
    try:
        running.reload("not reloaded: the previous settings stay in use")
        env_file.write_text("LOG_LEVEL=loud\n")
        running.reload("not reloaded: the previous settings stay in use")
        _mailed_to(running, "reloaded@example.org")  # auth has a key in its database from here on
        env_file.write_text("AUTH_SECRET_KEY=another secret of more than thirty-two bytes\n")
        running.reload("not reloaded: the previous settings stay in use")
    finally:
        env_file.write_text(kept)

    assert "AUTH_SECRET_KEY: cannot decrypt what is in auth's database" in running.text
    assert 'LOG_LEVEL: "loud" is none of' in running.text
    assert running.processes == before
    assert status_of(f"{running.gateway_url}/readyz") == 200


def test_json_for_programs_is_one_line_and_the_log_goes_elsewhere(mended: Runner) -> None:
    place = mended.first_json()

    assert place["gateway_url"] == mended.gateway_url
    assert status_of(f"{place['gateway_url']}/readyz") == 200
    assert status_of(f"{place['mailbox_url']}/api/messages") == 200
    assert place["data_dir"] == str(mended.folder)
    assert mended.process is not None
    assert place["pid"] == mended.process.pid


def test_stale_pid_file_of_a_living_stranger_is_put_away(mended: Runner) -> None:
    assert mended.processes["postgres"] != os.getpid()


def test_unreadable_queue_data_is_put_aside_and_said_so(mended: Runner) -> None:
    assert "valkey could not read its data; it starts empty" in mended.text
    assert list(mended.folder.glob("valkey.broken-*")) != []


def test_half_made_databases_are_made_again(running: Runner) -> None:
    assert list(running.folder.glob("postgres.new.*")) == []
    assert status_of(f"{running.gateway_url}/readyz") == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie one life to another")
def test_killed_runner_leaves_no_orphan_and_the_next_start_is_clean(running: Runner) -> None:
    pids = list(running.processes.values())

    running.kill()
    running.start()  # at once: the old processes may still be ending

    running.await_text("Doorward is ready")
    await_all_gone(pids)  # each ends in order, which may take longer than the next start
    assert set(running.processes) == EVERYTHING


def test_ctrl_c_during_the_start_stops_everything(tmp_path: Path, new_runner: MakeRunner) -> None:
    runner = new_runner(tmp_path / "data", **_own_stores())
    runner.start()
    runner.await_text("mailbox_ready")
    assert runner.process is not None

    runner.process.send_signal(signal.SIGINT)

    assert runner.process.wait(30) == 0


def test_secret_that_decrypts_nothing_ends_the_start_before_a_service_begins(
    stopped_folder: Path, new_runner: MakeRunner
) -> None:
    runner = new_runner(stopped_folder, AUTH_SECRET_KEY="another secret of more than thirty-two bytes")

    assert runner.run_to_end() == 2
    *log, sentence = runner.text.splitlines()
    assert sentence.startswith("doorward: AUTH_SECRET_KEY: cannot decrypt what is in auth's database; set ")
    assert {line.split()[1] for line in log} <= {"postgres", "valkey", "mailbox"}


def test_databases_of_another_version_are_named(stopped_folder: Path, new_runner: MakeRunner) -> None:
    version = stopped_folder / "postgres" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("9\n")
    runner = new_runner(stopped_folder)

    try:
        assert runner.run_to_end() == 5
        assert "was made by PostgreSQL 9 and PostgreSQL" in runner.text
    finally:
        version.write_text(kept)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_disk_that_fills_up_during_the_start_is_the_reason_given(
    tmp_path: Path, new_runner: MakeRunner
) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", tmp_path]).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        runner = new_runner(tmp_path / "data")

        assert runner.run_to_end() == 5
        assert f"The disk of {tmp_path}/data is full" in runner.text
        assert len(runner.text.splitlines()) == 1
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def _copy(folder: Path, to: Path) -> None:
    """Copy with owners and modes, on which PostgreSQL insists."""
    subprocess.run(["cp", "-a", str(folder), str(to)], check=True)


def _own_stores() -> dict[str, str]:
    """Stores that are never reached: a start without embedded servers is quick."""
    nowhere = free_port()
    urls = {
        f"{service.upper()}_DATABASE_URL": f"postgresql://x:y@127.0.0.1:{nowhere}/z" for service in SERVICES
    }
    return {**urls, "REDIS_URL": f"redis://127.0.0.1:{nowhere}/0"}


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
