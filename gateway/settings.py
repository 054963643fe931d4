"""The settings of the gateway: every ``GATEWAY_…`` variable."""

from collections.abc import Mapping

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.chassis.brand import BrandSettings
from shared.chassis.origins import OptionalOriginList, OriginList
from shared.chassis.setting_types import ReadableFile, StrongSecret, TextList
from shared.chassis.settings import ProcessSettings
from shared.serving.options import Options

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
DEVELOPMENT_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")


class GatewaySettings(BrandSettings, ProcessSettings):
    """What the gateway needs to know to run."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    port: int = Field(8080, ge=1, le=65535, description="The port to listen on.")
    metrics_port: int = Field(9090, ge=1, le=65535, description="The port of `/metrics`. Do not expose it.")
    trusted_proxy_count: int = Field(
        0,
        ge=0,
        le=10,
        description=(
            "The number of proxies in front of the gateway, which it trusts to report the client's address."
        ),
    )
    allowed_hosts: TextList = Field(
        default_factory=list,
        description=(
            "More host names that the gateway accepts, besides those of PUBLIC_URL and the loopback, "
            "comma-separated."
        ),
    )
    allowed_origins: OriginList = Field(
        default_factory=list,
        description=(
            "Origins of web apps that may call, with a token or with the browser's cookies, "
            "comma-separated: "
            "`https://app.example.org`, `https://*.example.org`."
        ),
    )
    bearer_origins: OptionalOriginList = Field(
        None,
        description="Origins of web apps that may call with a token but not with cookies, comma-separated. "
        "Unset: in development `http://localhost:*` and `http://127.0.0.1:*`, in production none.",
    )
    session_secret_key: StrongSecret = Field(description="Signs the console's cookies. 32 bytes or more.")
    routes_file: TextList = Field(
        default_factory=list,
        description=(
            "Files and folders with your own routes, comma-separated. They add to the built-in table and "
            "override it."
        ),
    )
    policies: TextList = Field(
        default_factory=list,
        description=(
            "Your own policies as `module:Class`, comma-separated, in the order in which they are applied."
        ),
    )
    drain_seconds: float = Field(
        3.0,
        ge=0,
        description=(
            "For how many seconds after SIGTERM new connections are still accepted while `/readyz` answers "
            "503."
        ),
    )
    most_connections: int = Field(
        10_000, ge=1, description="The most connections of a worker; further ones are answered 503."
    )
    most_connections_by_address: int = Field(
        1_000,
        ge=0,
        description=(
            "The most connections from one address; further ones are answered 429. 0: no limit. Ignored "
            "behind a trusted proxy."
        ),
    )
    most_websockets_by_caller: int = Field(
        100,
        ge=1,
        description="How many WebSockets a caller (an API key, an account, or an address without either) "
        "may have open at a worker; further ones are answered 429.",
    )
    tls_certificate_file: ReadableFile | None = Field(
        None,
        description="A certificate with its chain (PEM), for TLS at the port. Read again at SIGHUP.",
    )
    tls_key_file: ReadableFile | None = Field(
        None, description="The certificate's private key (PEM), if it is not in the same file."
    )
    limiter_timeout_seconds: float = Field(
        0.05,
        gt=0,
        le=1,
        description=(
            "How long a request waits for the rate limit's count in Redis; after that the worker counts by "
            "itself."
        ),
    )
    security_contact: str = Field(
        "", description="Where to report a vulnerability, for `security.txt`: `mailto:security@example.org`."
    )

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that a request may name, in lower case and without a port."""
        return frozenset(
            {*LOOPBACK_HOSTS, (self.public_url.host or "").lower(), *map(str.lower, self.allowed_hosts)}
        )

    @property
    def serving_options(self) -> Options:
        """How the server under the gateway treats its clients."""
        return Options(
            most_connections=self.most_connections,
            most_connections_by_address=0 if self.trusted_proxy_count else self.most_connections_by_address,
            has_websockets=True,
            drain_seconds=self.drain_seconds,
            plain_ports=frozenset({self.metrics_port}),
        )

    @property
    def route_variables(self) -> dict[str, list[str]]:
        """What ``${NAME}`` in a route file may stand for beside variables of its own."""
        values = {name: getattr(self, field) for name, field in _ROUTE_VARIABLES.items()}
        if self.bearer_origins is None:
            values["GATEWAY_BEARER_ORIGINS"] = list(DEVELOPMENT_ORIGINS) if self.is_development else []
        return {
            name: list(value) if isinstance(value, list) else [str(value)] for name, value in values.items()
        }

    @classmethod
    def route_variables_in(cls, environment: Mapping[str, str]) -> dict[str, list[str]]:
        """The same where the other settings are not there: from the environment, or the defaults."""
        defaults = {name: cls.model_fields[field] for name, field in _ROUTE_VARIABLES.items()}
        texts = {
            name: environment.get(name)
            or ("" if field.default_factory or field.default is None else str(field.default))
            for name, field in defaults.items()
        }
        return {name: _listed(text) for name, text in texts.items()}

    @classmethod
    def policies_in(cls, environment: Mapping[str, str]) -> list[str]:
        """The policies that the environment names, where the other settings are not there."""
        return _listed(environment.get(cls.variable("policies"), ""))


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


_ROUTE_VARIABLES = {
    "AUTH_URL": "auth_url",
    "USERS_URL": "users_url",
    "NOTIFICATIONS_URL": "notifications_url",
    "GATEWAY_ALLOWED_ORIGINS": "allowed_origins",
    "GATEWAY_BEARER_ORIGINS": "bearer_origins",
}
