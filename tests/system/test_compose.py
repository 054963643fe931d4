"""The Compose stack out of built images: up without an .env, whole after any restart, scaled, refused."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from doorward_testkit import Mailbox
from doorward_testkit.accounts import Accounts
from doorward_testkit.containers import ContainersBackend
from testcontainers.core.docker_client import DockerClient

from tests.system import journey, readme
from tests.system.compose import ComposeStack
from tests.system.journey import Journey

pytestmark = [
    pytest.mark.docker,
    pytest.mark.system,
    pytest.mark.timeout(900),
]

RESTARTED = (
    "gateway",
    "auth",
    "auth-worker",
    "users",
    "users-worker",
    "notifications",
    "notifications-worker",
    "postgres",
    "redis",
    "mailbox",
)


@pytest.fixture(scope="module")
def stack() -> Iterator[ComposeStack]:
    """The stack, built and up."""
    stack = ComposeStack()
    try:
        stack.run("build", timeout=800)
        stack.up()
        yield stack
    finally:
        stack.close()


def test_the_readme_s_journey_works_as_it_stands(stack: ComposeStack) -> None:
    assert '"timezone": "Europe/London"' in readme.journey(stack.gateway_url, stack.mailbox_url)


@pytest.mark.parametrize("container", RESTARTED)
def test_a_restart_in_the_middle_loses_nothing(stack: ComposeStack, container: str) -> None:
    traveller = Journey(stack.gateway_url, stack.mailbox_url, patience_seconds=30)

    def restart_after(step: str) -> None:
        if step in {"register", "change_profile"}:
            stack.run("restart", container)
            journey.wait_until_ready(stack.gateway_url)

    with stack.logs_of_failures():
        traveller.walk(between=restart_after)


def test_the_gateway_that_these_tests_call_is_the_compiled_one(stack: ComposeStack) -> None:
    script = "from gateway import proxy; print(proxy.__file__)"

    imported = stack.run("exec", "-T", "gateway", "python", "-c", script).strip()

    assert imported.endswith(".so")


def test_only_the_gateway_and_the_mailbox_are_published(stack: ComposeStack) -> None:
    published = {
        container["Service"]
        for container in map(json.loads, stack.run("ps", "--format", "json").splitlines())
        if any(publisher["PublishedPort"] for publisher in container["Publishers"] or [])
    }

    assert published == {"gateway", "mailbox"}


def test_no_process_of_ours_is_root_or_can_write_its_image(stack: ComposeStack) -> None:
    script = "import os; assert os.getuid() == 10001; assert not os.access('/opt/doorward/app', os.W_OK)"

    for service in ("gateway", "auth", "users-worker", "notifications", "mailbox"):
        stack.run("exec", "-T", service, "python", "-c", script)


def test_an_image_holds_its_own_process_alone(stack: ComposeStack) -> None:
    listed = stack.run("exec", "-T", "users", "python", "-c", "import os; print(os.listdir('services'))")

    assert "auth" not in listed
    assert stack.attempt("exec", "-T", "users", "python", "-c", "import argon2").returncode != 0
    assert stack.attempt("exec", "-T", "users", "python", "-m", "pip", "--version").returncode != 0


def test_services_and_workers_can_be_scaled(stack: ComposeStack) -> None:
    stack.up("--no-recreate", "--scale", "users=2", "--scale", "notifications-worker=2")
    travellers = [Journey(stack.gateway_url, stack.mailbox_url) for _ in range(4)]

    with stack.logs_of_failures(), ThreadPoolExecutor() as pool:
        list(pool.map(Journey.walk, travellers))

    mails = [journey.mails_to(stack.mailbox_url, one.email) for one in travellers]
    assert [len(list(filter(journey.has_code, found))) for found in mails] == [1] * 4


def test_a_team_tests_against_the_images(stack: ComposeStack) -> None:
    """Images that `stack` has built, started by Testcontainers; they leave nothing behind."""
    backend = ContainersBackend("dev", {"BRAND_NAME": "Shop"})
    mailbox = Mailbox(backend.mailbox_url)
    accounts = Accounts(backend, mailbox)
    try:
        editor = accounts.make(roles=["editor"])
        mail = mailbox.latest(editor.email)
        network = backend.network_name
    finally:
        backend.close()
    docker = DockerClient()

    assert mail["headers"]["From"].startswith("Shop <")
    assert docker.client.containers.list(all=True, filters={"network": network}) == []
    assert docker.client.networks.list(names=[network]) == []


def test_production_does_not_start_without_its_own_secrets() -> None:
    stack = ComposeStack()
    try:
        outcome = stack.attempt("up", "--wait", DOORWARD_ENVIRONMENT="production")
        said = stack.run("logs", "secrets")
    finally:
        stack.close()

    assert outcome.returncode != 0
    for name in (
        "JWT_SECRET_KEY",
        "AUTH_SECRET_KEY",
        "GATEWAY_SESSION_SECRET_KEY",
        "NOTIFICATIONS_SMTP_HOST",
        "PUBLIC_URL",
    ):
        assert f"{name} is not set" in said


def test_the_production_file_names_what_is_missing() -> None:
    files = ("--file", "docker-compose.yml", "--file", "deploy/compose.production.yml")

    outcome = ComposeStack().attempt(*files, "config", "--quiet")

    assert outcome.returncode != 0
    assert "is missing a value" in outcome.stdout


@pytest.mark.parametrize(
    ("options", "has_mailbox"),
    [
        ((), True),  # a plain `docker compose` reads docker-compose.override.yml
        (("--file", "docker-compose.yml"), False),
        (("--file", "docker-compose.yml", "--profile", "dev"), True),
    ],
)
def test_the_mailbox_is_of_the_profile_dev_and_of_a_trial(
    options: tuple[str, ...], *, has_mailbox: bool
) -> None:
    services = ComposeStack().run(*options, "config", "--services").split()

    assert "gateway" in services
    assert ("mailbox" in services) is has_mailbox


def test_production_has_no_mailbox() -> None:
    files = ("--file", "docker-compose.yml", "--file", "deploy/compose.production.yml")
    secret = "x" * 48

    services = ComposeStack().run(
        *(*files, "config", "--services"),
        PUBLIC_URL="https://accounts.example.org",
        JWT_SECRET_KEY=secret,
        AUTH_SECRET_KEY=secret,
        GATEWAY_SESSION_SECRET_KEY=secret,
        NOTIFICATIONS_SMTP_HOST="smtp.example.org",
        NOTIFICATIONS_MAIL_FROM="no-reply@example.org",
    )

    assert "gateway" in services.split()
    assert "mailbox" not in services.split()
