"""The named policies that a route refers to, and the route itself: plain values that check themselves.

What is read from ``routes.toml`` has exactly these fields; ``route_file`` reports what does not fit.
"""

import re
from dataclasses import field
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from gateway.header_rules import Claims, HeaderRules
from gateway.upstream.tls import new_context
from gateway.values import (
    STRICT,
    HeaderName,
    Listed,
    ListedSet,
    Name,
    Origin,
    Path,
    Seconds,
    Whole,
    listed,
    number,
)

LimitKey = Literal["address", "account", "api_key", "caller", "route"]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
METHODS: frozenset[Method] = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True, config=STRICT)
class Access:
    """Who may call: anybody, anybody signed in, or accounts with one of the roles and all of the scopes."""

    kind: Literal["public", "signed in"] = "signed in"
    roles: ListedSet[Name] = frozenset()
    scopes: ListedSet[Annotated[str, Field(pattern=r"^[a-z:_.-]+$")]] = frozenset()

    @property
    def is_public(self) -> bool:
        """Whether a request without a token may pass."""
        return self.kind == "public"

    def __str__(self) -> str:
        parts: list[str] = [self.kind]
        parts += [f"role {' or '.join(sorted(self.roles))}"] if self.roles else []
        parts += [f"scope {' and '.join(sorted(self.scopes))}"] if self.scopes else []
        return ", ".join(parts)


def _access(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, config=STRICT)
class Limit:
    """``quota`` units in a window of ``window_seconds`` that begins with the first request."""

    name: Name
    quota: Annotated[Whole, Field(ge=1, le=10**9)]
    window_seconds: Annotated[Whole, Field(ge=1, le=86_400)]
    by: LimitKey = "address"
    cost: Annotated[Whole, Field(ge=1, le=10**6)] = 1
    # How much of the quota workers may hold in advance: 0 asks Redis for every single request.
    slack: Annotated[float, BeforeValidator(number), Field(ge=0, le=0.02)] = 0.02

    @property
    def is_of_caller(self) -> bool:
        """Whether a token has to be looked at to know whom it counts."""
        return self.by not in {"address", "route"}

    def __str__(self) -> str:
        return f"{self.name}: {self.quota} in {self.window_seconds} s by {self.by.replace('_', ' ')}"


@dataclass(frozen=True, slots=True, config=STRICT)
class Cors:
    """Which pages of other origins may call (Fetch standard, section 3.2)."""

    name: Name
    origins: Listed[Origin] = ()  # exact, ``https://*.example.org`` for its subdomains, or ``*`` alone
    methods: Listed[Method] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    allow_headers: Listed[HeaderName] = ()
    expose_headers: Listed[HeaderName] = ()
    allow_credentials: bool = False
    max_age_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 600

    @model_validator(mode="after")
    def _wildcard_stands_alone(self) -> "Cors":
        if "*" in self.origins and (self.allow_credentials or len(self.origins) > 1):
            raise ValueError("the origin * must stand alone, and never with allow_credentials")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Timeouts:
    """How long an upstream may take, in seconds: to connect, between two reads, and in total."""

    connect: Seconds = 2.0
    read: Seconds = 30.0
    total: Seconds = 60.0


@dataclass(frozen=True, slots=True, config=STRICT)
class WeightedUrl:
    """One address of a service, and its share among the others."""

    url: Annotated[str, Field(pattern=r"^https?://([a-z0-9_.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?/?$")]
    weight: Annotated[Whole, Field(ge=1, le=1000)] = 1


def _replicas(value: object) -> object:
    urls = listed(value)
    return [{"url": url} if isinstance(url, str) else url for url in urls] if isinstance(urls, list) else urls


@dataclass(frozen=True, slots=True, config=STRICT)
class CertificateFile:
    """The authorities whose certificates are believed, as they were when the route file was read."""

    path: str
    certificates: str = field(repr=False)

    def __str__(self) -> str:
        return self.path


def _certificates(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        certificates = FilePath(value).read_text()
        new_context(certificates)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ValueError(f"is no readable file of PEM certificates: {error}") from error
    return {"path": value, "certificates": certificates}


@dataclass(frozen=True, slots=True, config=STRICT)
class Upstream:
    """A service: where its replicas answer, and how much the gateway asks of it at once."""

    name: Name
    urls: Annotated[tuple[WeightedUrl, ...], BeforeValidator(_replicas), Field(min_length=1)]
    most_outstanding: Annotated[Whole, Field(ge=1, le=100_000)] = 512
    # How long a connection may idle; 0: none is kept. Services end idle ones themselves, and a POST into one
    # is lost, so this is shorter than what servers allow by default (gunicorn 2 s, Node and uvicorn 5 s).
    keep_alive_seconds: Annotated[float, BeforeValidator(number), Field(ge=0, le=3600)] = 1.5
    health_path: Path | None = "/readyz"
    health_interval_seconds: Seconds = 5.0
    # Whether the gateway is not ready without it: so with auth, and not with a service that may come later.
    required: bool = False
    # Who vouches for https replicas; without it whoever the system believes.
    ca_file: Annotated[CertificateFile, BeforeValidator(_certificates)] | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether any of its replicas is asked over TLS."""
        return any(replica.url.startswith("https:") for replica in self.urls)

    @model_validator(mode="after")
    def _authorities_are_for_something(self) -> "Upstream":
        if self.ca_file and not self.is_encrypted:
            raise ValueError("ca_file is for https URLs, and there is none")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Part:
    """One question of a route that asks several services at once."""

    upstream: str
    path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+([?][A-Za-z0-9._~=&-]*)?$")]
    pick: str | None = None  # the member of the answer that is wanted; the whole without


@dataclass(frozen=True, slots=True, config=STRICT)
class Route:
    """One line of the table: which requests it takes, and everything that is done with them."""

    name: Name
    prefix: Annotated[Listed[Path], Field(min_length=1)]
    upstream: str
    host: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] | None = None
    methods: ListedSet[Method] = METHODS
    exact: bool = False
    case_sensitive: bool = True  # false: the service takes capital and small letters for the same
    strip_prefix: bool = False
    rewrite_prefix: Path | None = None
    access: Annotated[Access, BeforeValidator(_access)] = field(default_factory=Access)
    limits: Listed[str] = ()
    cors: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Annotated[Whole, Field(ge=0, le=3)] = 1
    max_body_bytes: Annotated[Whole, Field(ge=0, le=10**12)] = 1_048_576
    request: HeaderRules = field(default_factory=HeaderRules)
    response: HeaderRules = field(default_factory=HeaderRules)
    claims: Claims = field(default_factory=dict)  # what of the token the service is told, by field
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)  # of a team's own, by their names
    parts: dict[Name, Part] = field(default_factory=dict)  # asked instead of forwarding


_SUBDOMAINS = re.compile(r"^([a-z][a-z0-9+.-]*://)\*\.(.+)$")


def origin_pattern(origin: str) -> str:
    """``origin`` as an anchored expression: a dot is a dot, and a star is one or more labels."""
    match = _SUBDOMAINS.match(origin)
    if match is None:
        return rf"^{re.escape(origin)}\Z"
    return rf"^{re.escape(match[1])}([a-z0-9-]+\.)+{re.escape(match[2])}\Z"
