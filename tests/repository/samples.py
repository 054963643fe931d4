"""Where the repository is, and settings with which each process can be assembled without any server."""

import os
from pathlib import Path

import pytest

from deploy.processes import settings_class
from shared.chassis.settings import ProcessSettings

ROOT = Path(__file__).parents[2]
# Values for whatever a process requires; nothing is listening there, and nothing shall be asked.
REQUIRED = {
    "database_url": "postgresql://role:password@127.0.0.1:1/none",
    "redis_url": "redis://127.0.0.1:1/0",
    "public_url": "https://accounts.example.org",
    "mail_from": "no-reply@example.org",
    "smtp_host": "127.0.0.1",
    "secret_key": "a secret of auth alone, of more than thirty-two bytes",
}
# What the chassis gives every process: open, and not part of the service's own surface.
PLUMBING = {"health.livez", "health.readyz", "health.healthz", "health.prometheus", "api-docs.openapi_json"}
SECRET = "a secret of more than thirty-two bytes, for tests"


def sample_environment(process: str) -> dict[str, str]:
    """An environment in which ``process`` starts."""
    cls = settings_class(process)
    required = [name for name, field in cls.model_fields.items() if field.is_required() or name in REQUIRED]
    return {cls.variable(name): REQUIRED.get(name, SECRET) for name in required}


def sample_settings(process: str) -> ProcessSettings:
    """The settings of ``process`` in a sample environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DOORWARD_")]:
            patch.delenv(name)
        for name, value in sample_environment(process).items():
            patch.setenv(name, value)
        return settings_class(process).load()
