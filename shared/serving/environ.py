"""The WSGI environ (PEP 3333) of an ASGI scope."""

import io
import sys
from typing import Any

MOST_NAMES = 1024


class _Names(dict[bytes, str]):
    """Header names as environ keys, worked out once: real clients send the same few dozen."""

    def __missing__(self, name: bytes) -> str:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        if len(self) >= MOST_NAMES:
            self.clear()  # of names that nobody sends again: else one client could fill it for good
        self[name] = key
        return key


_names = _Names()


def environ_of(scope: Any) -> dict[str, Any]:
    """The environ of ``scope``, without its body."""
    query = scope["query_string"].decode("latin-1")
    raw_path = scope.get("raw_path") or scope["path"].encode()
    client = scope.get("client") or ("", 0)
    server = scope.get("server") or ("localhost", 80)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # WSGI's text is bytes read as latin-1 (PEP 3333).
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": f"{raw_path.decode('latin-1')}{'?' if query else ''}{query}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": _NOTHING,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "asgi.scope": scope,
    }
    for name, value in scope["headers"]:
        key = _names[name]
        text = value.decode("latin-1")
        if key in environ:
            # RFC 9110 section 5.3; Cookie has a separator of its own (RFC 6265 section 5.4).
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ


_NOTHING = io.BytesIO()
