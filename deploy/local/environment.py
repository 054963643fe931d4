"""The variables that every process of `doorward up` gets, and how a command beside it sees them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from deploy.local.folder import STATE, DataFolder
from deploy.local.ports import HOST, POSTGRES, VALKEY
from deploy.local.settings import LocalSettings
from deploy.processes import SERVICES


def build(
    settings: LocalSettings, folder: DataFolder, *, secrets: Mapping[str, str], ports: Mapping[str, int]
) -> dict[str, str]:
    """The environment: what is set stays as it is, what is missing suits a developer's machine."""
    chosen = {name: str(port) for name, port in ports.items() if name not in {POSTGRES, VALKEY}}
    urls = {
        f"{service.upper()}_URL": f"http://{HOST}:{chosen[f'{service.upper()}_PORT']}" for service in SERVICES
    }
    defaults = {
        "DOORWARD_ENVIRONMENT": "development",
        "JWT_SECRET_KEY": secrets["jwt_secret_key"],
        "GATEWAY_SESSION_SECRET_KEY": secrets["gateway_session_secret_key"],
        "PUBLIC_URL": f"http://{HOST}:{chosen['GATEWAY_PORT']}",
        # On one machine nothing in front of the gateway has to learn that it stops.
        "GATEWAY_DRAIN_SECONDS": "0",
        "NOTIFICATIONS_MAIL_FROM": "no-reply@doorward.test",
        "REDIS_URL": f"redis://:{secrets['valkey_password']}@{HOST}:{ports[VALKEY]}/0",
        **{
            f"{service.upper()}_DATABASE_URL": database_url(service, secrets=secrets, port=ports[POSTGRES])
            for service in SERVICES
        },
    }
    if settings.has_mailbox:
        defaults |= {
            "NOTIFICATIONS_SMTP_HOST": HOST,
            "NOTIFICATIONS_SMTP_PORT": chosen["MAILBOX_SMTP_PORT"],
            "NOTIFICATIONS_SMTP_SECURITY": "none",
            "MAILBOX_FOLDER": str(folder.path / "mailbox"),
        }
    own = {"TMPDIR": str(folder.temporary), "PYTHONUNBUFFERED": "1"}
    return {**defaults, **os.environ, **chosen, **urls, **own}


def database_url(service: str, *, secrets: Mapping[str, str], port: int) -> str:
    """The URL of a service's own database in the embedded PostgreSQL."""
    return f"postgresql://{service}:{secrets[f'{service}_database_password']}@{HOST}:{port}/{service}"


def share(folder: DataFolder, environment: Mapping[str, str], processes: Mapping[str, int]) -> None:
    """Write down, for the owner's eyes, what this runner gave its processes and which they are."""
    added = {name: value for name, value in environment.items() if os.environ.get(name) != value}
    folder.write(STATE, {"environment": added, "processes": dict(processes)})


def adopt() -> None:
    """Give this command the environment of the running `doorward up`; what is set stays as it is."""
    if "JWT_SECRET_KEY" in os.environ:
        return
    import json

    path = LocalSettings.load().data_dir / STATE
    with suppress(FileNotFoundError, PermissionError, ValueError):
        for name, value in json.loads(Path(path).read_text())["environment"].items():
            os.environ.setdefault(name, value)
