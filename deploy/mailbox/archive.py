"""Where mails outlive a restart: a file for each in one folder, the envelope's line before the bytes."""

from datetime import datetime
from pathlib import Path

import orjson

from deploy.mailbox.mail import Mail

SUFFIX = ".mail"


class Archive:
    """The mails of a folder; without a folder, nothing is kept and nothing is found."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self) -> list[Mail]:
        """Every mail that is kept, the oldest first: ids are in order of time."""
        if self._folder is None:
            return []
        self._folder.mkdir(parents=True, exist_ok=True)
        return [_read(path) for path in sorted(self._folder.glob(f"*{SUFFIX}"))]

    def save(self, mail: Mail) -> None:
        """Keep ``mail``; when this returns, a restart does not lose it."""
        if self._folder is not None:
            unfinished = self._folder / f"{mail.id}.unfinished"
            unfinished.write_bytes(_envelope(mail) + b"\n" + mail.content)
            unfinished.replace(self._path(self._folder, mail))

    def forget(self, mail: Mail) -> None:
        """Keep ``mail`` no longer."""
        if self._folder is not None:
            self._path(self._folder, mail).unlink(missing_ok=True)

    def _path(self, folder: Path, mail: Mail) -> Path:
        return folder / f"{mail.id}{SUFFIX}"


def _envelope(mail: Mail) -> bytes:
    received_at = mail.received_at.isoformat()
    return orjson.dumps({"sender": mail.sender, "to": mail.to, "received_at": received_at, "port": mail.port})


def _read(path: Path) -> Mail:
    line, _, content = path.read_bytes().partition(b"\n")
    envelope = orjson.loads(line)
    received_at = datetime.fromisoformat(envelope["received_at"])
    to = tuple(envelope["to"])
    return Mail(path.stem, envelope["sender"], to, content, received_at, envelope.get("port"))
