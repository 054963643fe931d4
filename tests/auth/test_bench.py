"""The parts of `make bench-auth` that only the end of a run reaches, minutes after its beginning."""

import socket
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.auth import __main__ as bench
from bench.auth import doorward
from bench.auth.load import BUSY_SECONDS, Busy, Connection, Load
from services.auth.settings import AuthSettings


def test_bare_argon2_is_measured_with_the_parameters_of_production() -> None:
    settings = doorward.settings_of()

    names = ("password_hash_memory_kib", "password_hash_iterations", "password_hash_parallelism")
    assert [getattr(settings, name) for name in names] == [
        AuthSettings.model_fields[name].default for name in names
    ]


def test_report_compares_doorward_with_each_rival(capsys: pytest.CaptureFixture[str]) -> None:
    def load(rate: float) -> Any:
        return SimpleNamespace(per_second=rate, median_ms=1.0, p99_ms=2.0, busy=0, rates=[rate])

    loads = {
        (who, accounts, what): load(rate)
        for who, rate in (("doorward", 300.0), ("simplejwt", 100.0))
        for accounts in (10, 20)
        for what in ("refresh", "introspect", "sign in")
    }

    bench.report(cast("Any", loads), [10.0, 10.0])

    told = capsys.readouterr().out
    assert told.count("simplejwt") == 3 * 2 + 2
    assert "doorward's sign-ins at 20 accounts: 3000% of it" in told


def test_report_is_written_where_a_rival_had_no_answer_in_a_turn(capsys: pytest.CaptureFixture[str]) -> None:
    own, starved = (Load("http://127.0.0.1", lambda _connection, state: state, []) for _ in range(2))
    own.rates, starved.rates = [3.0, 2.0, 4.0], [0.0, 1.0, 0.0]
    loads = {("doorward", 10, "sign in"): own, ("simplejwt", 10, "sign in"): starved}

    bench.report(cast("Any", loads), [10.0])

    assert "doorward does inf times as many (2.00 to inf)" in capsys.readouterr().out


ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", b"whole"),
    (b"HTTP/1.1 304 Not Modified\r\nETag: 1\r\n\r\n", b""),
    (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nin \r\n5\r\nparts\r\n0\r\n\r\n",
        b"in parts",
    ),
    (b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy", None),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast", b"last"),
]


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        (b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\n\r\n", 7.0),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n", BUSY_SECONDS),
    ],
)
def test_client_that_is_refused_returns_when_it_was_told(head: bytes, seconds: float) -> None:
    assert Busy(head).seconds == seconds


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_client_reads_one_answer_after_the_other_however_they_come(piece: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        client, _ = listener.accept()
        with client:
            for content, _ in ANSWERS:
                while b"\r\n\r\n" not in client.recv(65_536):
                    continue
                for start in range(0, len(content), piece):
                    client.sendall(content[start : start + piece])

    server = Thread(target=answer)
    server.start()
    connection = Connection(f"http://127.0.0.1:{listener.getsockname()[1]}")
    for content, body in ANSWERS:
        if body is None:
            with pytest.raises(Busy):
                connection.read("/", {})
        else:
            assert connection.read("/", {"X-Header": "1"}, status=int(content[9:12])) == body
    connection.close()
    server.join()
    listener.close()
