"""A folder that takes messages as ``.eml`` files, where there is no mail server.

A file is named after its message, so that a second attempt writes it over: nobody finds two.
"""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from services.notifications.smtp.breakers import Breaker
from services.notifications.smtp.conversations import Handover
from services.notifications.smtp.mime import MailMessage
from services.notifications.smtp.refusals import refusal
from services.notifications.smtp.servers import SmtpServer

NAME = "folder"


class MailFolder:
    """The folder, as the deliveries of one worker see it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = SmtpServer(name=NAME, host=NAME)
        self.breaker = Breaker()

    def share(self, workers: int) -> None:
        """Nothing: a folder takes what it is given."""

    def is_available(self) -> bool:
        """Whether it may be given a message now."""
        return not self.breaker.is_open()

    def enter(self) -> bool:
        """Take the right to write one file."""
        return self.breaker.enter()

    def deliver(self, message: MailMessage, mail_from: str, handover: Handover) -> str:
        """Write the file; raises Refused and NotNoted."""
        name = f"{message.msgId.strip('<>').partition('@')[0]}.eml"
        try:
            written = self._written(message.as_bytes())
        except OSError as error:
            self.breaker.failed(str(error))
            raise refusal("connect", error, server=NAME) from error
        try:
            handover.note(NAME)
            written.replace(self._folder / name)
        except OSError as error:
            self.breaker.failed(str(error))
            raise refusal("answer", error, server=NAME) from error
        except BaseException:
            self.breaker.left()
            raise
        finally:
            written.unlink(missing_ok=True)
        self.breaker.succeeded()
        return f"written to {name}"

    def _written(self, content: bytes) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Path(file.name)

    def close(self) -> None:
        """Nothing is open."""
