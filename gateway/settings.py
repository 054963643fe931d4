"""The settings of the gateway: every ``GATEWAY_…`` variable."""

from collections.abc import Mapping

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.chassis.brand import BrandSettings
from shared.chassis.origins import OriginList
from shared.chassis.setting_types import ReadableFile, StrongSecret, TextList
from shared.chassis.settings import ProcessSettings
from shared.serving.options import Options

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
DEVELOPMENT_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")


class GatewaySettings(BrandSettings, ProcessSettings):
    """What the gateway needs to know to run."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    port: int = Field(8080, ge=1, le=65535, description="The port to listen on.")
    metrics_port: int = Field(
        9090, ge=1, le=65535, description="The port that alone serves `/metrics`; keep it inside the network."
    )
    trusted_proxy_count: int = Field(
        0,
        ge=0,
        le=10,
        description="How many proxies stand in front; the client's address is counted from there.",
    )
    allowed_hosts: TextList = Field(
        default_factory=list,
        description="Host names answered beside PUBLIC_URL's and the loopback's, comma-separated.",
    )
    allowed_origins: OriginList = Field(
        default_factory=list,
        description="Origins of web apps that may call, and act by a browser's cookies, comma-separated: "
        "`https://app.example.org`, `https://*.example.org`.",
    )
    bearer_origins: OriginList | None = Field(
        None,
        description="Origins of web apps that may call with a token and never by cookies, comma-separated. "
        "Unset: in development `http://localhost:*` and `http://127.0.0.1:*`, in production none.",
    )
    session_secret_key: StrongSecret = Field(description="Signs the console's cookies. 32 bytes or more.")
    routes_file: TextList = Field(
        default_factory=list,
        description="Files and folders with routes of your own, comma-separated; they are laid over the "
        "built-in table.",
    )
    policies: TextList = Field(
        default_factory=list,
        description="Policies of your own as `module:Class`, comma-separated; they act in this order.",
    )
    drain_seconds: float = Field(
        3.0,
        ge=0,
        description="After SIGTERM, how long new connections are still taken while `/readyz` says 503.",
    )
    most_connections: int = Field(
        10_000, ge=1, description="How many connections a worker holds; who comes then is answered 503."
    )
    most_connections_by_address: int = Field(
        1_000,
        ge=0,
        description="How many of them one address may have (429 beyond). 0: all. "
        "Not looked at behind a trusted proxy, whose address all have.",
    )
    most_websockets_by_caller: int = Field(
        100,
        ge=1,
        description="How many WebSockets a caller (an API key, an account, or an address without either) "
        "may have open at a worker; 429 beyond.",
    )
    tls_certificate_file: ReadableFile | None = Field(
        None,
        description="A certificate with its chain (PEM), for TLS at the port. Read again at SIGHUP.",
    )
    tls_key_file: ReadableFile | None = Field(
        None, description="The certificate's private key (PEM), where it is not in the same file."
    )
    limiter_timeout_seconds: float = Field(
        0.05,
        gt=0,
        le=1,
        description="How long a request may wait for Redis to count it before a local share does.",
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
