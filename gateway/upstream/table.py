"""A service of the route file: where its replicas answer, and whom the gateway believes them by."""

from dataclasses import field
from pathlib import Path as FilePath
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from gateway.upstream.tls import new_context
from gateway.values import STRICT, Name, Path, Seconds, Whole, listed, number


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
