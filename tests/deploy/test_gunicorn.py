"""gunicorn as configured here: its log, its headers, its files. The application is a stand-in."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.processes import PROCESSES
from deploy.serve import CONFIGURATION
from shared.chassis.testing.engines import free_port, wait_until

ROOT = Path(__file__).parents[2]
OPEN_FILES = 4096
APPLICATION = '''
"""Answers with what WSGI made of the request."""
import gc
import json
import resource

WAS_COLLECTED = gc.isenabled()

def create_app():
    from prometheus_client import Counter
    counter = Counter("seen", "Requests.")

    def application(environ, start_response):
        counter.inc()
        shown = {name: value for name, value in environ.items() if isinstance(value, str)}
        shown["open_files"] = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        shown["collector"] = [WAS_COLLECTED, gc.isenabled()]
        start_response("200 OK", [("Content-Type", "application/json"), ("X-Request-ID", "abcdefgh")])
        return [json.dumps(shown).encode()]

    return application
'''


class Server:
    """A gunicorn with our configuration; ``before`` is run in its interpreter first."""

    def __init__(self, folder: Path, before: str = "") -> None:
        self.port = free_port()
        self.home = folder / "home"
        self.temporary = folder / "tmp"
        for path in (self.home, self.temporary):
            path.mkdir()
        (folder / "stand_in.py").write_text(APPLICATION)
        self._log = folder / "log"
        environment = {**os.environ, "HOME": str(self.home), "TMPDIR": str(self.temporary)}
        environment |= {"PYTHONPATH": f"{folder}:{ROOT}", "XDG_RUNTIME_DIR": str(self.home)}
        command = [
            *("sh", "-c", f'ulimit -n {OPEN_FILES} && ulimit -Sn 256 && exec "$@"', "sh"),
            sys.executable,
            "-c",
            f"{before}\nimport sys; from deploy.serve import become_gunicorn; become_gunicorn(sys.argv[1:])",
            "--config",
            f"file:{CONFIGURATION}",
            "--name",
            "stand-in",
        ]
        command += ["--bind", f"127.0.0.1:{self.port}", "--worker-class", PROCESSES["users"].worker_class]
        command += ["--threads", "2"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "stand_in:create_app()"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=5)

    def wait(self) -> "Server":
        """Return when it answers."""
        wait_until(self._answers, what="an answer of gunicorn")
        return self

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of that name; every line of the log is JSON."""
        events = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [event for event in events if event["event"] == name]

    def worker_pids(self) -> list[int]:
        """The workers that there are now."""
        return children(self.process.pid)

    def stop(self) -> None:
        """End it in order."""
        self.client.close()
        self.process.terminate()
        assert self.process.wait(20) == 0

    def _answers(self) -> bool:
        try:
            return self.client.get("/livez").status_code == 200
        except httpx.TransportError:
            return False


def children(pid: int) -> list[int]:
    """The processes that it has started and that have not ended."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("gunicorn")).wait()
    yield running
    running.stop()


def last_request(server: Server) -> dict[str, Any]:
    """The event of the newest request, which is written after its answer."""
    before = len(server.events("request"))
    server.client.get("/marker")
    wait_until(lambda: len(server.events("request")) > before, what="the line of a request")
    return next(event for event in reversed(server.events("request")) if event["path"] != "/marker")


def test_request_is_one_event_without_its_query(server: Server) -> None:
    server.client.get("/api/v1/users/me?token=secret-in-the-query")

    event = last_request(server)

    assert (event["path"], event["status"], event["method"]) == ("/api/v1/users/me", 200, "GET")
    assert event["process"] == "stand-in"
    assert event["request_id"] == "abcdefgh"
    assert event["duration_ms"] >= 0
    assert "secret-in-the-query" not in json.dumps(event)


def test_token_in_a_path_is_masked_and_an_id_is_not(server: Server) -> None:
    server.client.get("/unsubscribe/aVeryLongTokenThatNobodyMayRead_0123456789")
    token = last_request(server)
    server.client.get("/users/01a20695-b2e5-7164-8cee-a5349561c0d8/stats")
    identifier = last_request(server)

    assert token["path"] == "/unsubscribe/[masked]"
    assert identifier["path"] == "/users/01a20695-b2e5-7164-8cee-a5349561c0d8/stats"


def test_collector_rests_while_the_application_is_imported(server: Server) -> None:
    assert server.client.get("/").json()["collector"] == [False, True]


def test_server_replaces_itself_while_it_answers(tmp_path: Path) -> None:
    server = Server(tmp_path).wait()
    (worker,) = server.worker_pids()
    server.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: len(server.worker_pids()) > 1, what="a second master")
    (second,) = set(server.worker_pids()) - {worker}
    wait_until(lambda: bool(children(second)), what="its worker")

    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(20)

    try:
        assert code == 0
        assert server.client.get("/livez").status_code == 200
    finally:
        server.client.close()
        os.kill(second, signal.SIGTERM)


def test_server_that_is_stopped_while_a_worker_starts_stops_at_once(tmp_path: Path) -> None:
    slowly = "import os, time; os.register_at_fork(after_in_child=lambda: time.sleep(2))"
    server = Server(tmp_path, before=slowly)
    wait_until(lambda: bool(server.worker_pids()), what="a worker that is just forked")

    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(15) == 0  # and not after the 30 seconds that a worker may take
    server.client.close()


def test_probe_that_succeeds_leaves_no_line(server: Server) -> None:
    server.client.get("/here")

    server.client.get("/readyz")

    assert last_request(server)["path"] == "/here"


def test_ambiguous_and_forwarding_headers_change_nothing(server: Server) -> None:
    seen = server.client.get(
        "/here",
        headers={
            "X_User_Id": "forged",
            "SCRIPT_NAME": "/forged",
            "PATH_INFO": "/forged",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Ssl": "off",
        },
    )

    assert seen.status_code == 200
    environ = seen.json()
    assert "HTTP_X_USER_ID" not in environ
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/here")
    assert environ["wsgi.url_scheme"] == "http"


def test_connection_stays_open_for_longer_than_any_pool_keeps_it(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=3)
    for _ in range(2):
        connection.request("GET", "/kept")
        connection.getresponse().read()

    # gunicorn's own default closes after two seconds; nothing may come within three.
    with pytest.raises(TimeoutError):
        connection.sock.recv(1)
    connection.close()


def test_server_leaves_no_socket_and_no_counts_behind(tmp_path: Path) -> None:
    server = Server(tmp_path).wait()
    counts = list(server.temporary.glob("doorward-metrics-*/*.db"))

    server.stop()

    assert counts != []
    assert list(server.home.rglob("*")) == []
    assert list(server.temporary.iterdir()) == []


def test_a_reload_keeps_the_counts_where_they_were(tmp_path: Path) -> None:
    server = Server(tmp_path).wait()
    before = list(server.temporary.glob("doorward-metrics-*"))
    worker = server.worker_pids()

    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not set(worker) & set(server.worker_pids()), what="the workers of before to leave")
    server.client.get("/again")
    after = list(server.temporary.glob("doorward-metrics-*"))
    server.stop()

    assert before == after
    assert len(after) == 1
    assert list(server.temporary.iterdir()) == []


def test_as_many_connections_as_the_system_allows(server: Server) -> None:
    assert server.client.get("/").json()["open_files"] == OPEN_FILES
