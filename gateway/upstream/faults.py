"""What can go wrong between the gateway and an upstream, told apart (RFC 9209 section 2.3).

UpstreamFault                 is_sent says whether any byte of the request may have arrived
├── ConnectFault              nothing was sent: always safe to try elsewhere
│   ├── ConnectTimeout
│   ├── NameFault
│   ├── Full                  as many requests are under way to the service as it may have
│   ├── AllOpen               every replica failed lately and is left alone
│   └── TlsFault
│       ├── CertificateFault
│       └── TlsAlert
├── ResponseTimeout           sent, and no answer in time
├── ConnectionEnded           sent, and the connection ended before the first byte of an answer
├── ResponseIncomplete        the answer broke off in the middle
└── ProtocolFault             the answer is not HTTP
"""


class UpstreamFault(Exception):
    """The upstream gave no usable answer."""

    proxy_status = "proxy_internal_error"
    is_sent = True
    is_timeout = False


class ConnectFault(UpstreamFault):
    """No connection could be made."""

    proxy_status = "connection_refused"
    is_sent = False


class ConnectTimeout(ConnectFault):
    """The connection was not made in time."""

    proxy_status = "connection_timeout"


class NameFault(ConnectFault):
    """The upstream's name does not resolve."""

    proxy_status = "dns_error"


class Full(ConnectFault):
    """As many requests are under way to the service as it may have."""

    proxy_status = "connection_limit_reached"


class AllOpen(ConnectFault):
    """The breakers of all replicas are open."""

    proxy_status = "destination_unavailable"


class TlsFault(ConnectFault):
    """What answers there does not speak TLS, or not ours."""

    proxy_status = "tls_protocol_error"


class CertificateFault(TlsFault):
    """The upstream's certificate is not one that is believed, or not for its name."""

    proxy_status = "tls_certificate_error"


class TlsAlert(TlsFault):
    """The upstream ended the handshake."""

    proxy_status = "tls_alert_received"


class ResponseTimeout(UpstreamFault):
    """The answer, or its next part, did not come in time."""

    proxy_status = "http_response_timeout"
    is_timeout = True


class ConnectionEnded(UpstreamFault):
    """The connection ended before a byte of the answer: a stale keep-alive, or a crash."""

    proxy_status = "connection_terminated"


class ResponseIncomplete(UpstreamFault):
    """The connection ended in the middle of the answer."""

    proxy_status = "http_response_incomplete"


class ProtocolFault(UpstreamFault):
    """What came is not a well-formed HTTP/1.1 response."""

    proxy_status = "http_protocol_error"
