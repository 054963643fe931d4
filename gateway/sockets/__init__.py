"""WebSockets of routes that allow them: the handshake by the route's policies, then messages both ways."""
