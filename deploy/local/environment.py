"""The variables that every process of `doorward up` gets, and how a command beside it sees them."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress

from deploy import known_settings
from deploy.local import env_file
from deploy.local.folder import STATE, DataFolder
from deploy.local.ports import HOST, POSTGRES, VALKEY
from deploy.local.settings import LocalSettings
from deploy.processes import PROCESSES, SERVICES

ANY_PORT = "0"  # says that the runner may choose, which it has done


def build(
    settings: LocalSettings, folder: DataFolder, *, secrets: Mapping[str, str], ports: Mapping[str, int]
) -> dict[str, str]:
    """The environment: what is set stays as it is, what is missing suits a developer's machine."""
    chosen = {name: str(port) for name, port in ports.items() if name not in {POSTGRES, VALKEY}}
    urls = {
        f"{service.upper()}_URL": f"http://{HOST}:{chosen[f'{service.upper()}_PORT']}" for service in SERVICES
    }
    scheme = "https" if os.environ.get("GATEWAY_TLS_CERTIFICATE_FILE") else "http"
    defaults = {
        "DOORWARD_ENVIRONMENT": "development",
        "JWT_SECRET_KEY": secrets["jwt_secret_key"],
        "AUTH_SECRET_KEY": secrets["auth_secret_key"],
        "AUTH_PREVIOUS_SECRET_KEYS": secrets.get("auth_previous_secret_keys", ""),
        "GATEWAY_SESSION_SECRET_KEY": secrets["gateway_session_secret_key"],
        "PUBLIC_URL": f"{scheme}://{HOST}:{chosen['GATEWAY_PORT']}",
        # On one machine nothing in front of the gateway has to learn that it stops.
        "GATEWAY_DRAIN_SECONDS": "0",
        "NOTIFICATIONS_MAIL_FROM": "no-reply@doorward.test",
        "USERS_AVATAR_FOLDER": str(folder.path / "avatars"),
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


def to_share(environment: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
    """What a command beside the runner needs of it: every setting, and what the runner itself has added."""
    settings = {name for process in PROCESSES for name in known_settings.of(process)}
    return {
        name: value for name, value in environment.items() if name in settings or inherited.get(name) != value
    }


def adopt() -> None:
    """Give this command what `doorward up` runs with, or would; what is set stays as it is."""
    settings = LocalSettings.load()
    with suppress(FileNotFoundError, PermissionError, ValueError):
        state = json.loads((settings.data_dir / STATE).read_text())
        for name, value in state["environment"].items():
            if os.environ.get(name, ANY_PORT) == ANY_PORT:
                os.environ[name] = value
    env_file.adopt(settings.env_file)
