"""What stops the runner: a sentence for the person in front of it, and an exit code for scripts."""

from collections.abc import Iterable


class RunnerError(Exception):
    """The runner cannot go on; the text is one clear sentence."""

    exit_code = 1


class AlreadyRunning(RunnerError):
    """Another runner uses the data folder."""

    exit_code = 3


class PortInUse(RunnerError):
    """Somebody else listens on a port that is needed."""

    exit_code = 4


class FolderUnusable(RunnerError):
    """The data folder cannot be written, is full, or holds what this version cannot use."""

    exit_code = 5


class StartFailed(RunnerError):
    """A process ended, or did not become ready, while it was started; ``lines`` are its last ones."""

    exit_code = 6

    def __init__(self, sentence: str, lines: Iterable[str] = ()) -> None:
        super().__init__(sentence)
        self.lines = list(lines)
