"""The frames of a WebSocket, read and written by the sans-I/O protocol of ``websockets``.

No extension is spoken: a context of permessage-deflate takes more memory than all the rest of an idle socket.
"""

import logging

from websockets.protocol import Protocol, Side, State

_quiet = logging.getLogger("shared.serving.websockets")
_quiet.setLevel(logging.WARNING)


def opened(side: Side, *, most_message: int) -> Protocol:
    """The protocol behind a handshake that somebody else has made."""
    return Protocol(side, state=State.OPEN, max_size=most_message, logger=_quiet)
