"""The gateways that are measured: how each is started, one worker each, in front of the same upstream."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.gateway.checks import ALL

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECRET = "a-secret-for-the-bench-that-is-long-enough-0123456789"

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75; default_type application/json;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream service {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }}
}}
"""
FORWARD_SOCKETS = (
    "proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade";'
)
FORWARD = 'proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";'
DOCUMENT = (
    '{"id":"0198f0a0-0000-7000-8000-000000000000","email":"ada@example.org","name":"Ada Lovelace",'
    '"avatar_url":null,"locale":"en","timezone":"UTC","is_active":true,"roles":["user"]}'
)
ANSWER = f"return 200 '{DOCUMENT}';"


@dataclass
class Contestant:
    """A gateway under measurement."""

    name: str
    command: list[str]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    policies: frozenset[str] = frozenset()
    home: Path = ROOT  # the folder in which it runs
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, folder: Path) -> None:
        """Start it; what it writes goes to a file in ``folder``."""
        self.log = folder / f"{self.port}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.home,
                env={**os.environ, **self.environment},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def wait_until_ready(self, path: str, headers: dict[str, str]) -> None:
        """Return when it answers 200; raises SystemExit with what it wrote when it ends, or never does."""
        assert self.process is not None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}{path}", headers=headers).status_code == 200:
                    return
            time.sleep(0.1)
        assert self.log is not None
        sys.exit(f"{self.name} does not answer; it wrote: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait()


def nginx(name: str, port: int, folder: Path, *, upstream: int | None, forward: str = FORWARD) -> Contestant:
    """nginx as the upstream (``upstream`` None) or as the limit of what forwarding can be."""
    location = ANSWER if upstream is None else forward
    text = NGINX.format(folder=folder, port=port, upstream=upstream or port, location=location)
    path = folder / f"{port}.conf"
    path.write_text(text)
    return Contestant(name, ["nginx", "-c", str(path)], port)


def stand_in(port: int) -> Contestant:
    """The upstream where nginx is not installed."""
    return Contestant("upstream", [sys.executable, "-m", "bench.gateway.stand_in", str(port)], port)


def doorward(
    name: str,
    port: int,
    metrics_port: int,
    *,
    upstream: str,
    redis_url: str,
    folder: Path,
    slack: float,
    more: str = "",
    home: Path = ROOT,
) -> Contestant:
    """The gateway of ``home``, with its limits leased (``slack``) or asked of Redis for every request (0)."""
    routes = folder / f"routes-{port}.toml"
    text = "standalone = true\n" + (ROOT / "gateway" / "routes.toml").read_text()
    # Names of its own, so that the two ways of counting share nothing.
    text = text.replace("[limits.address]", f"[limits.address-{round(slack * 100)}]")
    text = text.replace('limits = ["address"', f'limits = ["address-{round(slack * 100)}"')
    text = text.replace("quota = 1200", f"quota = 1000000\nslack = {slack}")
    text = text.replace("[upstreams.users]", "[upstreams.users]\nmost_outstanding = 20000")
    routes.write_text(text.replace(', "caller"]', "]") + more)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        f"file:{home}/deploy/gunicorn.conf.py",
        "--workers",
        "1",
    ]
    command += ["--bind", f"127.0.0.1:{port}", "--bind", f"127.0.0.1:{metrics_port}"]
    command += ["--worker-class", "gateway.server.GatewayWorker", "gateway.app:create_app()"]
    environment = {
        "JWT_SECRET_KEY": SECRET,
        "GATEWAY_SESSION_SECRET_KEY": SECRET,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://127.0.0.1",
        "LOG_LEVEL": "WARNING",  # no line for each request: the others write none either
        "GATEWAY_ALLOWED_ORIGINS": "https://app.example.org",
        "GATEWAY_ROUTES_FILE": str(routes),
        "GATEWAY_METRICS_PORT": str(metrics_port),
        "GATEWAY_MOST_CONNECTIONS_BY_ADDRESS": "0",  # thousands of streams come from one
        **{f"{service}_URL": upstream for service in ("AUTH", "USERS", "NOTIFICATIONS")},
    }
    return Contestant(name, command, port, environment, ALL, home)


def fastapi(port: int, *, upstream: str, redis_url: str, folder: Path) -> Contestant:
    """FastAPI, httpx and slowapi under uvicorn, in an environment of its own."""
    python = folder.parent / "fastapi-venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "-r", str(HERE / "requirements.txt")], check=True
        )
    arguments = ["-m", "uvicorn", "--app-dir", str(HERE), "--port", str(port), "--log-level", "warning"]
    environment = {"UPSTREAM": upstream, "REDIS_URL": redis_url, "SECRET": SECRET}
    command = [str(python), *arguments, "fastapi_gateway:app"]
    return Contestant("fastapi + httpx + slowapi", command, port, environment, policies=ALL)


def fastify(port: int, *, upstream: str, redis_url: str, folder: Path) -> Contestant | None:
    """fastify with its plug-ins, where node is there."""
    if shutil.which("npm") is None:
        print("node and npm are not installed: fastify is left out")
        return None
    home = folder.parent / "fastify"
    if not (home / "node_modules").exists():
        home.mkdir(exist_ok=True)
        shutil.copy(HERE / "package.json", home)
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"],
            cwd=home,
            check=True,
        )
    shutil.copy(HERE / "fastify_gateway.mjs", home)
    environment = {"UPSTREAM": upstream, "REDIS_URL": redis_url, "SECRET": SECRET, "PORT": str(port)}
    command = ["node", str(home / "fastify_gateway.mjs")]
    return Contestant("fastify + plug-ins", command, port, environment, policies=ALL)
