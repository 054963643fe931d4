"""The one-shot job of Compose that fills each process's own secrets volume before anything starts.

Generates once what nobody has set, so that a trial needs no ``.env``. In production it generates only
what never leaves the stack (the stores' passwords), and refuses to make up for what should be set.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

SERVICES = ("auth", "users", "notifications")
PROCESSES = ("gateway", *SERVICES)
MINIMUM_BYTES = 32
HINT = "set it in .env, for instance to what `openssl rand -base64 48` prints"


def missing_in_production(environment: Mapping[str, str]) -> list[str]:
    """One sentence for each thing that production needs and nobody has set."""
    sentences = []
    for name in ("JWT_SECRET_KEY", "AUTH_SECRET_KEY", "GATEWAY_SESSION_SECRET_KEY"):
        length = len(environment.get(name, "").encode())
        if length < MINIMUM_BYTES:
            what = f"is too short, {length} bytes of at least {MINIMUM_BYTES}" if length else "is not set"
            sentences.append(f"{name} {what}: {HINT}.")
    if environment.get("NOTIFICATIONS_SMTP_HOST", "mailbox") in {"", "mailbox"}:
        sentences.append("NOTIFICATIONS_SMTP_HOST is not set: production sends its mail by your server.")
    if not environment.get("PUBLIC_URL"):
        sentences.append("PUBLIC_URL is not set: links in mails need the URL that your users see.")
    return sentences


def fill(root: Path, *, is_production: bool) -> None:
    """Write each process's secrets below ``root``; what is there already stays as it is."""
    redis_password = _keep_or_generate(root / "redis" / "password")
    _write(root / "redis" / "redis-password.conf", f"requirepass {redis_password}\n")
    _keep_or_generate(root / "postgres" / "postgres_password")
    for process in PROCESSES:
        _write(root / process / "REDIS_URL", f"redis://:{redis_password}@redis:6379/0")
    for service in SERVICES:
        password = _keep_or_generate(root / "postgres" / f"{service}_password")
        url = f"postgresql://{service}:{password}@postgres:5432/{service}"
        _write(root / service / f"{service.upper()}_DATABASE_URL", url)
    if not is_production:
        _keep_or_generate(root / "gateway" / "GATEWAY_SESSION_SECRET_KEY")
        _fill_auth(root / "auth")
        signing_key = _keep_or_generate(root / "gateway" / "JWT_SECRET_KEY")
        for service in SERVICES:
            _write(root / service / "JWT_SECRET_KEY", signing_key)


def _fill_auth(folder: Path) -> None:
    """auth's own secret. Where it has run without one, it goes on opening what the shared secret sealed."""
    own, shared = folder / "AUTH_SECRET_KEY", folder / "JWT_SECRET_KEY"
    if shared.is_file() and not own.is_file():
        _write(folder / "AUTH_PREVIOUS_SECRET_KEYS", shared.read_text())
    _keep_or_generate(own)


def _keep_or_generate(path: Path) -> str:
    if not path.is_file():
        _write(path, secrets.token_urlsafe(48))
    return path.read_text()


def _write(path: Path, text: str) -> None:
    """Replace ``path`` at once, so that a job that is cut off leaves no half of a secret."""
    if path.is_file() and path.read_text() == text:
        return
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text)
    unfinished.chmod(0o444)  # the volume is mounted into one container, whose user is not ours
    unfinished.replace(path)


def main() -> int:
    """Fill the volumes below the folder that is named; 2 where production lacks something."""
    is_production = os.environ.get("DOORWARD_ENVIRONMENT", "production") != "development"
    problems = missing_in_production(os.environ) if is_production else []
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    fill(Path(sys.argv[1]), is_production=is_production)
    return 0


if __name__ == "__main__":
    sys.exit(main())
