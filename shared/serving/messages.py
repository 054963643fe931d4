"""What travels between a server and an app: the types of ASGI (asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

RawHeaders = list[tuple[bytes, bytes]]

# In a scope: whether the target ends in a lone "?". ASGI cannot tell ``/x?`` from ``/x``, and a service may.
EMPTY_QUERY = "doorward.empty_query"

# In a websocket.accept: the bytes that one message of the client may have, where it is not what the server's
# options say. ASGI has no such limit.
MOST_MESSAGE = "doorward.most_message"


class ClientTooSlow(OSError):
    """The client does not take what is sent to it; its connection has been ended."""
