"""Which header fields pass, in both directions, and which the gateway writes itself."""

import re
from functools import lru_cache
from time import time

from gateway.policies.header_fields import CompiledRules
from shared.chassis.tracing import Trace

Pairs = list[tuple[bytes, bytes]]

VIA = (b"via", b"1.1 doorward")  # of answers

_NAME = re.compile(rb"[a-z0-9-]+")
# RFC 9110 section 7.6.1, and what frames a message: valid for one connection only.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer "
    b"transfer-encoding upgrade http2-settings".split()
)
# Written anew by the gateway, or answered by it.
_OURS = frozenset(
    b"host content-length expect forwarded x-request-id traceparent tracestate x-request-deadline x-api-key "
    b"proxy x-http-method-override x-http-method x-method-override".split()
)
# What programs behind a proxy take for the truth about the caller, its address, or the path: none of ours
# does, a team's own may. All other fields pass.
_IDENTITY = re.compile(
    # Who calls, as gateways and sign-in proxies say it.
    rb"x-(account|anonymous-consumer|authenticated|caller|consumer|credential|doorward|gateway|identity|internal|jwt"
    rb"|remote|roles?|scopes?|webauth)(-.*)?"
    rb"|x-user(?!-agent$)[a-z]*(-.*)?|x-auth(?!-(token|key)$)(-.*)?|x-(session|token)-(user|sub|claims|account|roles?).*"
    rb"|x-client-(id|ip|user|cert|dn|verify|subject|principal)(-.*)?"
    rb"|x-(ms-client|goog-iap|goog-authenticated|amzn-oidc|azure|appengine|arr)-.*"
    rb"|remote-(user|addr|groups|name|email)|oidc-.*|sm-?user|cf-access-.*"
    # Where a call comes from, and over what.
    rb"|x-(cluster-client|envoy|forwarded|forwarder|proxyuser|real|ssl|tls)(-.*)?|(ssl|fastly)-client-.*|client-ip"
    rb"|true-client-.*|cf-connecting-.*|cf-pseudo-ipv4|akamai-.*|front-end-https|wl-proxy-.*"
    # Which path or file is meant.
    rb"|x-(accel|host|original|rewrite|sendfile)(-.*)?|script-name|path-info"
)
_MOST_NAMES = 2048
# Answered by the gateway's own server, or the CORS policy's alone to say.
_RESPONSE_DROPPED = HOP_BY_HOP | {b"server", b"date", b"x-request-id", b"traceparent", b"x-powered-by"}


class _RequestPrefixes(dict[bytes, bytes]):
    """For each request header name the start of its line, or nothing where it must not pass."""

    def __missing__(self, name: bytes) -> bytes:
        prefix = name + b": " if _may_pass(name) else b""
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[name] = prefix
        return prefix


def _may_pass(name: bytes) -> bool:
    if name in HOP_BY_HOP or name in _OURS:
        return False
    # A name with an underscore or a dot is another one to programs that map them to environ keys.
    return _NAME.fullmatch(name) is not None and _IDENTITY.fullmatch(name) is None


_prefixes = _RequestPrefixes()


def request_lines(
    headers: Pairs,
    *,
    issued: bytes | None = None,
    trace: Trace | None = None,
    rules: CompiledRules | None = None,
) -> list[bytes]:
    """The client's header lines that go to the upstream, as pieces to join.

    ``issued`` takes the place of the client's own Authorization. A tracestate belongs to its traceparent: it
    passes only where that is continued, as ``trace`` (W3C Trace Context, section 3.5).
    """
    allowed: frozenset[bytes] = frozenset()
    if issued is not None:
        headers = [pair for pair in headers if pair[0] != b"authorization"] + [(b"authorization", issued)]
    if rules is not None:
        headers, allowed = rules.kept(headers), rules.allowed
    lines: list[bytes] = []
    nominated: frozenset[bytes] = frozenset()
    for name, value in headers:
        prefix = _prefixes[name]
        if prefix:
            lines += (prefix, value, b"\r\n")
        elif name in allowed:
            lines += (name + b": ", value, b"\r\n")
        elif name == b"tracestate" and _continues(headers, trace):
            lines += (b"tracestate: ", value, b"\r\n")
        elif name == b"connection" and value.lower() not in {b"keep-alive", b"close"}:
            nominated |= _listed(value)
    return _without(lines, nominated) if nominated else lines


def _continues(headers: Pairs, trace: Trace | None) -> bool:
    if trace is None:
        return False
    known = trace.trace_id.encode()
    return any(name == b"traceparent" and value[3:35] == known for name, value in headers)


def _listed(value: bytes) -> frozenset[bytes]:
    return frozenset(option.strip().lower() for option in value.split(b","))


def _without(lines: list[bytes], nominated: frozenset[bytes]) -> list[bytes]:
    """``lines`` without the fields that the client's Connection header named (RFC 9110 section 7.6.1)."""
    kept: list[bytes] = []
    for start in range(0, len(lines), 3):
        if lines[start][:-2] not in nominated:
            kept += lines[start : start + 3]
    return kept


class _ResponseNames(dict[bytes, bool]):
    """Whether a response header name passes, worked out once."""

    def __missing__(self, name: bytes) -> bool:
        passes = name not in _RESPONSE_DROPPED and not name.startswith((b"access-control-", b"ratelimit"))
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[name] = passes
        return passes


_passing = _ResponseNames()


def left_out(headers: Pairs, rules: CompiledRules | None = None) -> list[str]:
    """The names of the client's fields that do not go on, for the log and for people who ask."""
    own = HOP_BY_HOP | {b"host", b"content-length"}  # which nobody misses: they are written anew
    return [
        name.decode("latin-1")
        for name, value in headers
        if name not in own and not request_lines([(name, value)], rules=rules)
    ]


def response_fields(headers: Pairs, rules: CompiledRules | None = None) -> Pairs:
    """The upstream's header fields that go to the client, each on its own (Set-Cookie is never folded)."""
    allowed: frozenset[bytes] = frozenset()
    if rules is not None:
        headers, allowed = rules.kept(headers), rules.allowed
    passed = []
    nominated: frozenset[bytes] = frozenset()
    for pair in headers:
        if _passing[pair[0]] or pair[0] in allowed:
            passed.append(pair)
        elif pair[0] == b"connection" and pair[1].lower() not in {b"keep-alive", b"close"}:
            nominated |= _listed(pair[1])
    if nominated:
        return [pair for pair in passed if pair[0] not in nominated]
    return passed


def deadline_line(seconds: float, clock_ahead: float) -> bytes:
    """Until when an answer is waited for, by the clock of the service, which may be ahead of ours."""
    return b"x-request-deadline: %.3f\r\n" % (time() + seconds + clock_ahead)


def forwarded_lines(trace: Trace, *, address: str, protocol: str, host: str) -> bytes:
    """What the gateway says of the request: who asked, and by which way (RFC 7239)."""
    text = (
        f"{_way(address, protocol, host)}"
        f"x-request-id: {trace.request_id}\r\ntraceparent: {trace.traceparent}\r\n"
    )
    return text.encode("latin-1")


@lru_cache(maxsize=1024)
def _way(address: str, protocol: str, host: str) -> str:
    """The lines that all requests of a client share."""
    node = f'"[{address}]"' if ":" in address else address
    return (
        f"x-forwarded-for: {address}\r\nx-forwarded-proto: {protocol}\r\nx-forwarded-host: {host}\r\n"
        f'forwarded: for={node};proto={protocol};host="{host}"\r\nvia: 1.1 doorward\r\n'
    )
