"""Chunks: the lines of a part as they rest in the database, sealed and bound to their place.

A chunk that was moved to another copy, service or number does not open: nobody reads another's lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from flask import current_app

from shared.chassis.sealing import SealBroken, Sealer
from shared.chassis.settings import ProcessSettings

PURPOSE = "export"
CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of one service's part of one copy."""

    sealer: Sealer
    export_id: UUID
    service: str

    @classmethod
    def of(cls, export_id: UUID, service: str) -> Self:
        """Those of that part, under this app's secrets."""
        settings: ProcessSettings = current_app.extensions["doorward_settings"]
        return cls(Sealer(settings.accepted_secrets, PURPOSE), export_id, service)

    def seal(self, lines: Iterable[bytes]) -> Iterator[str]:
        """The lines in chunks of about ``CHUNK_BYTES``."""
        number, held = 0, bytearray()
        for line in lines:
            held += line.rstrip(b"\n") + b"\n"
            if len(held) >= CHUNK_BYTES:
                yield self.sealer.seal(self._place(number) + held)
                number, held = number + 1, bytearray()
        if held:
            yield self.sealer.seal(self._place(number) + held)

    def open(self, sealed: Iterable[str]) -> Iterator[bytes]:
        """The lines of the chunks; raises SealBroken where one is not in its place."""
        for number, each in enumerate(sealed):
            content, place = self.sealer.open(each), self._place(number)
            if not content.startswith(place):
                raise SealBroken
            yield from content[len(place) :].splitlines()

    def _place(self, number: int) -> bytes:
        return f"{self.export_id} {self.service} {number}\n".encode()
