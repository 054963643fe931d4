"""``make env``: a ``.env`` for Docker Compose in production, with secrets that nobody has seen.

Needs the standard library alone: who deploys with Compose has no environment of ours.
"""

import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECRETS = ("JWT_SECRET_KEY", "AUTH_SECRET_KEY", "GATEWAY_SESSION_SECRET_KEY")


def write(example: Path, target: Path) -> bool:
    """Write ``target`` out of ``example`` with fresh secrets; False, and nothing done, where it exists."""
    lines = [_filled(line) for line in example.read_text().splitlines()]
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    return True


def _filled(line: str) -> str:
    for name in SECRETS:
        if line.lstrip("# ").startswith(f"{name}="):
            return f"{name}={secrets.token_urlsafe(48)}"
    return line


if __name__ == "__main__":
    if not write(ROOT / ".env.example", ROOT / ".env"):
        sys.exit(".env exists already and its secrets are in use; it was not changed.")
    print("Wrote .env with fresh secrets; fill in the rest of what production needs in it.")
