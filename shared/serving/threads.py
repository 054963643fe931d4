"""The threads of an app that blocks: a queue, and no more than is needed to carry a job over and back."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Threads:
    """Runs jobs, at most ``count`` at once; one that hangs does not keep the process alive."""

    def __init__(self, count: int, *, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._is_started = False

    def submit(self, job: Job) -> None:
        """Have ``job`` run. The first call starts the threads: behind any fork."""
        self._jobs.put(job)
        if not self._is_started:
            self._is_started = True
            for number in range(self._count):
                threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except BaseException:  # nobody waits for it who could be told; the thread goes on
                log.exception("job_failed")
            del job  # what it holds is not kept until the next one comes
