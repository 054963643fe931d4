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
    """The Host header is not one of the gateway's hosts (RFC 9110 section 15.5.20)."""

    status = 421
    code = "host_not_allowed"
    detail = "This server does not answer for that host; GATEWAY_ALLOWED_HOSTS lists those it does."


class FieldRepeated(errors.ApiError):
    """A header field that may be sent once was sent twice; ``field`` names it."""

    status = 400
    code = "field_repeated"
    detail = "This header field may be sent only once: programs could use different ones of the two."


class OriginNotAllowed(errors.Forbidden):
    """The request has a session in cookies, but its page is not allowed to use them."""

    code = "origin_not_allowed"
    detail = (
        "A session in cookies serves pages of this origin and of GATEWAY_ALLOWED_ORIGINS only, "
        "and the browser has to say so: by Origin, and by Sec-Fetch-Site if it sends that."
    )


class TokenDeliveryInvalid(errors.ApiError):
    """The Token-Delivery header has an unknown value."""

    status = 400
    code = "token_delivery_invalid"
    detail = "Token-Delivery must be `cookie`; without the header the tokens are in the body."


class MethodNotAllowed(errors.ApiError):
    """The path exists, but not for this method."""

    status = 405
    code = "method_not_allowed"
    detail = errors.FRAMEWORK_CODES[405][1]


class BodyTooLarge(errors.ApiError):
    """The request body is larger than the route allows."""

    status = 413
    code = "body_too_large"
    detail = errors.FRAMEWORK_CODES[413][1]


class UnknownCoding(errors.ApiError):
    """The body has a transfer coding other than ``chunked``, which programs may interpret differently."""

    status = 501
    code = "unknown_transfer_coding"
    detail = "Send the body with a Content-Length, or chunked and nothing else."


class UpgradeNotSupported(errors.ApiError):
    """The request asks for another protocol on this connection (RFC 9110 section 7.8), as WebSocket does."""

    status = 501
    code = "upgrade_not_supported"
    detail = "This path only supports plain HTTP requests: its route has no `websocket`."


class HandshakeInvalid(errors.ApiError):
    """The request asks for a WebSocket, but is not a valid handshake (RFC 6455 section 4.2.1)."""

    status = 400
    code = "handshake_invalid"
    detail = "A WebSocket begins with a GET that has no body, one Sec-WebSocket-Key and Connection: Upgrade."


class SocketVersionUnknown(errors.ApiError):
    """The WebSocket version is not 13 (RFC 6455 section 4.2.2)."""

    status = 426
    code = "websocket_version_unknown"
    detail = "This server speaks version 13 of WebSocket."


class RequestTimeout(errors.ApiError):
    """The request body did not arrive in time."""

    status = 408
    code = "request_timeout"
    detail = errors.FRAMEWORK_CODES[408][1]


class BadGateway(errors.ApiError):
    """The service closed the connection early or did not answer in HTTP."""

    status = 502
    code = "bad_gateway"
    detail = errors.FRAMEWORK_CODES[502][1]


class UpstreamUnavailable(errors.Unavailable):
    """The service is down or overloaded."""

    code = "upstream_unavailable"
    detail = "The service behind this address is not available; try again shortly."


class BodiesFull(errors.Unavailable):
    """The memory for request bodies is full, or the part of it that one address may use."""

    code = "bodies_full"
    detail = "Too many request bodies are being received; try again shortly."


class GatewayTimeout(errors.ApiError):
    """The service took too long."""

    status = 504
    code = "gateway_timeout"
    detail = errors.FRAMEWORK_CODES[504][1]
