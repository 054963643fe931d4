"""The proxies of docs/deployment.md in front of a server: Caddy and nginx end TLS and pass the rest on."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.chassis.testing.engines import free_port, wait_until
from tests.notifications.certificates import write_certificate
from tests.system import pages

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

SITE = "accounts.example.org"
GATEWAY = "127.0.0.1:8080"
CADDY = """{{
	admin off
	local_certs
	skip_install_trust
	auto_https disable_redirects
	storage file_system {folder}
}}
"""
NGINX = """daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
access_log off;
{paths}
{server}
}}
"""
PATHS = "\n".join(
    f"{kind}_temp_path {{folder}}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)


class Told(BaseHTTPRequestHandler):
    """Answers what it was asked: the path as it came, and the header."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "fields": dict(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def behind() -> Iterator[str]:
    """The address of the server in the gateway's place."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Told)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def block(name: str) -> str:
    """The file of the page."""
    (found,) = [block.text for block in pages.blocks("deployment.md") if block.file == name]
    return found


def caddy(folder: Path, port: int, behind: str) -> list[str]:
    """The command that runs the page's Caddyfile, with certificates of Caddy's own."""
    file = folder / "Caddyfile"
    site = block("Caddyfile").replace(SITE, f"{SITE}:{port}").replace(GATEWAY, behind)
    file.write_text(CADDY.format(folder=folder) + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


def nginx(folder: Path, port: int, behind: str) -> list[str]:
    """The command that runs the page's configuration, with a certificate of the test."""
    certificate = write_certificate(folder)
    server = block("doorward.conf").replace("443", f"127.0.0.1:{port}").replace(GATEWAY, behind)
    for name in ("fullchain", "privkey"):
        server = server.replace(f"/etc/letsencrypt/live/{SITE}/{name}.pem", str(certificate))
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, paths=PATHS.format(folder=folder), server=server))
    return ["nginx", "-c", str(file), "-e", str(folder / "error.log")]


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    if not pages.is_installed(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    program = shutil.which(command[0], path=pages.PROGRAM_PATH)
    environment = {"HOME": str(folder), "PATH": pages.PROGRAM_PATH}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([str(program), *command[1:]], env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("proxy", [caddy, nginx])
def test_proxy_of_the_page_ends_tls_and_passes_the_rest_on(
    proxy: Callable[[Path, int, str], list[str]], tmp_path: Path, behind: str
) -> None:
    port = free_port()
    answers: list[httpx.Response] = []

    def has_answered() -> bool:
        try:
            # The certificate is one of the test, or of Caddy's own authority.
            with httpx.Client(verify=False, trust_env=False) as client:  # noqa: S501
                headers = {"Host": SITE, "X-Forwarded-For": "192.0.2.1"}
                url = f"https://127.0.0.1:{port}/a%2Fb/../c?d=%20"
                answers.append(client.get(url, headers=headers, extensions={"sni_hostname": SITE}))
        except httpx.TransportError:
            return False
        return answers[-1].status_code == 200

    with running(proxy(tmp_path, port, behind), tmp_path):
        wait_until(has_answered, what="an answer", seconds=60)
    told = answers[-1].json()
    fields = {name.lower(): value for name, value in told["fields"].items()}

    assert told["path"] == answers[-1].request.url.raw_path.decode()
    assert fields["host"] == SITE
    assert fields["x-forwarded-for"].split(",")[-1].strip() == "127.0.0.1"
    assert fields["x-forwarded-proto"] == "https"
