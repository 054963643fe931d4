"""The memory of one worker for request bodies that are not complete yet: bounded, also for each address."""

from gateway import errors

MOST_BYTES = 64 * 1_048_576
# One address may use a quarter of it, so that four are needed to use it up.
MOST_BYTES_OF_ADDRESS = MOST_BYTES // 4


class HeldBodies:
    """How many bytes are held, and for whom."""

    __slots__ = ("_by_address", "size")

    def __init__(self) -> None:
        self.size = 0
        self._by_address: dict[str, int] = {}

    def take(self, address: str, size: int) -> None:
        """Make room for ``size`` bytes of ``address``; raises BodiesFull."""
        own = self._by_address.get(address, 0) + size
        if self.size + size > MOST_BYTES or own > MOST_BYTES_OF_ADDRESS:
            raise errors.BodiesFull
        self.size += size
        self._by_address[address] = own

    def give_back(self, address: str, size: int) -> None:
        """The bytes have gone on."""
        self.size -= size
        own = self._by_address.pop(address, 0) - size
        if own > 0:
            self._by_address[address] = own


of_worker = HeldBodies()
