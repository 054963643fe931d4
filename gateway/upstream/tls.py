"""TLS towards an upstream: whose certificates are believed, and what went wrong in a handshake.

The name that a certificate must be for is that of the route file's URL, never one that a client sent.
"""

import ssl
from dataclasses import dataclass

from gateway.upstream import faults


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections to one replica are protected."""

    context: ssl.SSLContext
    server_name: str  # asked for by SNI (RFC 6066 section 3), and what the certificate must be for


def new_context(authorities: str | None) -> ssl.SSLContext:
    """Believe the certificates in ``authorities`` (PEM) alone, or without them what the system believes.

    Raises ssl.SSLError or ValueError where ``authorities`` is no list of certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
    if authorities is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=authorities)  # an empty text would else mean everybody
    context.set_alpn_protocols(["http/1.1"])
    return context


def fault_of(error: ssl.SSLError) -> faults.ConnectFault:
    """What a handshake that failed with ``error`` is called (RFC 9209 section 2.3)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return faults.CertificateFault(error.verify_message)
    if "ALERT" in (error.reason or ""):
        return faults.TlsAlert(error.reason)
    return faults.TlsFault(error.reason or str(error))
