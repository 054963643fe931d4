"""The Dockerfile and the Compose files hold to their schemas and to the rules for containers."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from shared.chassis.testing import containers
from tests.repository.samples import ROOT

COMPOSE = ROOT / "docker-compose.yml"
PRODUCTION = ROOT / "deploy" / "compose.production.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
PUBLISHED = {"gateway", "mailbox"}
ONE_SHOT = {"secrets", "auth-migrate", "users-migrate", "notifications-migrate"}
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml, anchors resolved."""
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(COMPOSE)["services"]
    return found


@pytest.mark.parametrize("path", [COMPOSE, PRODUCTION], ids=lambda path: path.name)
def test_compose_files_follow_the_specification(path: Path) -> None:
    command: list[str | Path] = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path]

    outcome = subprocess.run(command, capture_output=True, text=True)

    assert outcome.returncode == 0, outcome.stdout


def test_the_dockerfile_passes_hadolint() -> None:
    outcome = subprocess.run([BIN / "hadolint", DOCKERFILE], capture_output=True, text=True)

    assert outcome.returncode == 0, outcome.stdout


def test_the_dockerfile_needs_no_frontend_and_runs_as_a_number() -> None:
    text = DOCKERFILE.read_text()

    assert not re.search(r"^# *syntax *=", text, re.MULTILINE)
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)


def test_an_image_is_labelled_with_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    versions = set(re.findall(r"^ARG VERSION=(.+)$", DOCKERFILE.read_text(), re.MULTILINE))

    assert versions == {project["version"]}


def test_tests_and_compose_use_the_same_servers(services: dict[str, dict[str, Any]]) -> None:
    assert services["postgres"]["image"] == containers.POSTGRES_IMAGE
    assert services["redis"]["image"] == containers.REDIS_IMAGE


def test_every_container_is_restricted(services: dict[str, dict[str, Any]]) -> None:
    lax = [
        name
        for name, service in services.items()
        if not (
            service["cap_drop"] == ["ALL"]
            and service["security_opt"] == ["no-new-privileges:true"]
            and service["read_only"]
            and service["init"]
        )
    ]

    assert lax == []


def test_what_runs_restarts_within_a_memory_limit_and_says_how_it_is(
    services: dict[str, dict[str, Any]],
) -> None:
    running = {name: service for name, service in services.items() if name not in ONE_SHOT}

    assert [name for name, s in running.items() if s.get("restart") != "unless-stopped"] == []
    assert [name for name, s in running.items() if not s.get("mem_limit")] == []
    # The image itself checks what serves.
    serves = {"gateway", "auth", "users", "notifications", "mailbox"}
    assert [name for name, s in running.items() if name not in serves and "healthcheck" not in s] == []


def test_only_the_gateway_and_the_mailbox_publish_and_only_on_the_loopback(
    services: dict[str, dict[str, Any]],
) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert set(ports) == PUBLISHED
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_everything_but_the_published_can_be_scaled(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, service in services.items() if "container_name" in service] == []


def test_the_gateway_cannot_reach_the_databases(services: dict[str, dict[str, Any]]) -> None:
    assert not set(services["gateway"]["networks"]) & set(services["postgres"]["networks"])


def test_each_process_sees_its_own_secrets_alone(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        mounted = [volume for volume in service.get("volumes", []) if "-secrets:" in volume]
        if name != "secrets":
            owner = re.sub("-(worker|migrate)$", "", name)
            assert mounted in ([], [f"{owner}-secrets:/run/secrets:ro"]), name
