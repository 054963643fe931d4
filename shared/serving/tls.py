"""TLS at the listener. A certificate that cannot be used at a reload leaves the one of before in place."""

import ssl
from pathlib import Path
from typing import Any

# The newest that could be used, by the file of its certificate. Workers inherit it from their master.
_contexts: dict[str, ssl.SSLContext] = {}


def refresh(certificate: str | None, key: str | None, log: Any) -> None:
    """Read the certificate again; for the master, before it makes a worker. The first must be usable."""
    if certificate is None:
        return
    try:
        _contexts[certificate] = _context(certificate, key)
    except OSError:  # ssl.SSLError is one
        if certificate not in _contexts:
            raise
        log.exception("The certificate %s cannot be used; the one of before is", certificate)


def context(certificate: str | None) -> ssl.SSLContext | None:
    """The context to serve with; None without a certificate."""
    return None if certificate is None else _contexts[certificate]


def _context(certificate: str, key: str | None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(Path(certificate), None if key is None else Path(key))
    made.set_alpn_protocols(["http/1.1"])
    return made
