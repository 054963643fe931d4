"""The errors that the gateway itself answers with.

    ApiError
    ├── HostNotAllowed          421  host_not_allowed
    ├── FieldRepeated           400  field_repeated
    ├── OriginNotAllowed        403  origin_not_allowed
    ├── TokenDeliveryInvalid    400  token_delivery_invalid
    ├── MethodNotAllowed        405  method_not_allowed
    ├── BodyTooLarge            413  body_too_large
    ├── UnknownCoding           501  unknown_transfer_coding
    ├── UpgradeNotSupported     501  upgrade_not_supported
    ├── HandshakeInvalid        400  handshake_invalid
    ├── SocketVersionUnknown    426  websocket_version_unknown
    ├── RequestTimeout          408  request_timeout
    ├── BadGateway              502  bad_gateway
    ├── UpstreamUnavailable     503  upstream_unavailable
    ├── BodiesFull              503  bodies_full
    └── GatewayTimeout          504  gateway_timeout

Those of the path stand in ``targets.py``, of API keys in ``api_keys.py``, of tokens in the chassis, and
of too many WebSockets in ``sockets/callers.py``.
"""

from shared.chassis import errors


class HostNotAllowed(errors.ApiError):
    """The Host header names none of our hosts (RFC 9110 section 15.5.20)."""

    status = 421
    code = "host_not_allowed"
    detail = "This server does not answer for that host; GATEWAY_ALLOWED_HOSTS lists those it does."


class FieldRepeated(errors.ApiError):
    """A header field comes twice of which there may be one only; ``field`` names it."""

    status = 400
    code = "field_repeated"
    detail = "This header field may be sent once only: programs would disagree about which of two counts."


class OriginNotAllowed(errors.Forbidden):
    """The request comes with a session in cookies, and not from a page that may act by them."""

    code = "origin_not_allowed"
    detail = (
        "A session in cookies serves pages of this origin and of GATEWAY_ALLOWED_ORIGINS only, "
        "and the browser has to say so: by Origin, and by Sec-Fetch-Site if it sends that."
    )


class TokenDeliveryInvalid(errors.ApiError):
    """The Token-Delivery header asks for a way that there is not."""

    status = 400
    code = "token_delivery_invalid"
    detail = "Token-Delivery is `cookie`; without it the tokens come in the body."


class MethodNotAllowed(errors.ApiError):
    """The path exists, and not for this method."""

    status = 405
    code = "method_not_allowed"
    detail = errors.FRAMEWORK_CODES[405][1]


class BodyTooLarge(errors.ApiError):
    """The request body is longer than the route takes."""

    status = 413
    code = "body_too_large"
    detail = errors.FRAMEWORK_CODES[413][1]


class UnknownCoding(errors.ApiError):
    """The body has a transfer coding beside ``chunked``: two programs might cut it differently."""

    status = 501
    code = "unknown_transfer_coding"
    detail = "Send the body with a Content-Length, or chunked and nothing else."


class UpgradeNotSupported(errors.ApiError):
    """The request asks for another protocol on this connection (RFC 9110 section 7.8), as WebSocket does."""

    status = 501
    code = "upgrade_not_supported"
    detail = "This path takes HTTP requests only: no route with `websocket` is here."


class HandshakeInvalid(errors.ApiError):
    """The request asks for a WebSocket, and is no handshake (RFC 6455 section 4.2.1)."""

    status = 400
    code = "handshake_invalid"
    detail = "A WebSocket begins with a GET that has no body, one Sec-WebSocket-Key and Connection: Upgrade."


class SocketVersionUnknown(errors.ApiError):
    """The WebSocket is of another version than 13 (RFC 6455 section 4.2.2)."""

    status = 426
    code = "websocket_version_unknown"
    detail = "This server speaks version 13 of WebSocket."


class RequestTimeout(errors.ApiError):
    """The request body did not arrive in time."""

    status = 408
    code = "request_timeout"
    detail = errors.FRAMEWORK_CODES[408][1]


class BadGateway(errors.ApiError):
    """The service broke off or did not speak HTTP."""

    status = 502
    code = "bad_gateway"
    detail = errors.FRAMEWORK_CODES[502][1]


class UpstreamUnavailable(errors.Unavailable):
    """The service is not there, or has more to do than it can."""

    code = "upstream_unavailable"
    detail = "The service behind this address does not take requests now; try again shortly."


class BodiesFull(errors.Unavailable):
    """The memory for request bodies is in use, all of it or the share of one address."""

    code = "bodies_full"
    detail = "Too many request bodies are on their way at once; try again shortly."


class GatewayTimeout(errors.ApiError):
    """The service took too long."""

    status = 504
    code = "gateway_timeout"
    detail = errors.FRAMEWORK_CODES[504][1]
