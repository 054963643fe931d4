"""A worker that is told to stop twice stops, wherever the second signal meets it."""

import subprocess
import sys

# Celery's handler of SIGTERM sends `worker_shutting_down`; a thread stops by a lock that nobody enters twice.
TWICE = """
import os, signal
from threading import Lock
from types import SimpleNamespace

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from shared.chassis.messaging import run_in_worker


class Thread:
    def __init__(self, name):
        self.name, self.lock = name, Lock()

    def start(self):
        print(self.name, "starts")

    def stop(self):
        with self.lock:
            print(self.name, "is told", flush=True)
            os.kill(os.getpid(), signal.SIGTERM)

    def join(self, seconds):
        print(self.name, "has ended")


signal.signal(signal.SIGTERM, lambda *_: worker_shutting_down.send(sender=None))
run_in_worker(SimpleNamespace(worker_metrics_port=0), lambda: [Thread("relay"), Thread("housekeeper")])
worker_ready.send(sender=None)
os.kill(os.getpid(), signal.SIGTERM)
worker_shutdown.send(sender=None)
"""


def test_second_signal_amid_the_first_stops_no_thread_twice_and_hangs_nothing() -> None:
    command = [sys.executable, "-c", TWICE]

    lines = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=30
    ).stdout.splitlines()

    assert sorted(lines[2:4]) == ["housekeeper is told", "relay is told"]
    assert lines[4:] == ["relay has ended", "housekeeper has ended"]
