"""auth as it runs in production: real gunicorn processes and a real Celery worker, for the proofs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.processes import PROCESSES
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import bare_environment, stop_all
from shared.chassis.testing.tokens import OWN_SECRET, SECRET

ROOT = Path(__file__).parents[2]
# The master imports the code once, and its workers have it from there: several would take turns on few cores.
START = "import services.auth.app; from gunicorn.app.wsgiapp import run; run(prog='gunicorn')"
GUNICORN = (
    sys.executable, "-c", START, "--no-control-socket",
    "-k", PROCESSES["auth"].worker_class, "--backlog", "2048",
    "--keep-alive", "75",  # longer than a client keeps a connection, so that none is closed under a request
)  # fmt: skip
CELERY = (
    sys.executable, "-m", "celery", "-A", "services.auth.worker:celery", "worker",
    "-P", "threads", "-c", "2", "-l", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat",
)  # fmt: skip


def environment(*, database_url: str, redis_url: str, **variables: str) -> dict[str, str]:
    """What the processes are told: small hashes, and no limits by client address, which is one here."""
    limits = {f"AUTH_{name}_LIMIT": "1000000 per minute" for name in ("REGISTER", "SIGN_IN", "MAIL")}
    return {
        **bare_environment(),
        "JWT_SECRET_KEY": SECRET,
        "AUTH_SECRET_KEY": OWN_SECRET,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "AUTH_DATABASE_URL": database_url,
        "AUTH_DATABASE_POOL_SIZE": "16",
        "AUTH_PASSWORD_HASH_MEMORY_KIB": "1024",
        "AUTH_PASSWORD_HASH_ITERATIONS": "1",
        "AUTH_THREADS": "256",
        "AUTH_FREE_FAILURES_PER_CLIENT": "100000",
        **limits,
        **variables,
    }


@contextmanager
def running(
    command: tuple[str, ...], environ: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command in a process group of its own, its output in ``log``, and end it in order."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            stop_all(process)


@contextmanager
def serving(
    environ: dict[str, str],
    log: Path,
    *,
    workers: int = 4,
    threads: int = 16,
    app: str = "services.auth.app:create_app()",
) -> Iterator[str]:
    """gunicorn with that many worker processes; its URL once it answers."""
    url = f"http://127.0.0.1:{free_port()}"
    size = ("-w", str(workers), "--threads", str(threads))
    command = (*GUNICORN, app, *size, "-b", url.removeprefix("http://"))
    with running(command, {**environ, "AUTH_WORKERS": str(workers)}, log):
        wait_until(lambda: _answers(url), what=f"auth at {url}")
        yield url


@contextmanager
def working(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """auth's Celery worker with its relays."""
    with running(CELERY, environ, log) as process:
        wait_until(lambda: b"ready." in log.read_bytes(), what="the worker")
        yield process


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
