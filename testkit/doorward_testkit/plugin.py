"""The pytest plugin: one Doorward per test run, started when a test first asks for it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doorward_testkit.accounts import Account, Accounts
from doorward_testkit.backend import OWN_PREFIX, Backend, StartError
from doorward_testkit.environment import command_of
from doorward_testkit.local import LocalBackend
from doorward_testkit.mailbox import Mailbox

OPTIONS = {
    "doorward_url": "The gateway URL of a Doorward that runs already.",
    "doorward_mailbox_url": "The mailbox of that Doorward.",
    "doorward_images": "The tag of Doorward's images: it is started in containers, by Testcontainers.",
    "doorward_install": "A wheel or a checkout of Doorward: it gets an environment of its own.",
    "doorward_command": "The command `doorward` of such an environment (default: the one on the PATH).",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    for name, text in OPTIONS.items():
        parser.addini(name, text, default="")
    parser.addini("doorward_settings", "Settings of Doorward, one NAME=value a line.", type="linelist")


@pytest.fixture(scope="session")
def doorward(pytestconfig: pytest.Config) -> Iterator[Backend]:
    """The running system: ``gateway_url``, ``mailbox_url`` and ``settings``."""
    backend = _backend(pytestconfig)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def doorward_mailbox(doorward: Backend) -> Mailbox:
    """Every mail that the system has sent."""
    return Mailbox(doorward.mailbox_url)


@pytest.fixture(scope="session")
def doorward_accounts(doorward: Backend, doorward_mailbox: Mailbox) -> Accounts:
    """What makes accounts in it."""
    return Accounts(doorward, doorward_mailbox)


@pytest.fixture(scope="session")
def doorward_account(doorward_accounts: Accounts) -> Callable[..., Account]:
    """Makes an account: ``doorward_account(roles=["editor"], verified=True, name="Ada")``."""
    return doorward_accounts.make


@pytest.fixture(scope="session")
def doorward_admin(doorward_accounts: Accounts) -> Account:
    """The administrator, one per run."""
    return doorward_accounts.admin()


def _backend(config: pytest.Config) -> Backend:
    lines = [line.partition("=") for line in config.getini("doorward_settings")]
    settings = {name.strip(): value.strip() for name, _, value in lines}
    if url := _option(config, "doorward_url"):
        return Backend(url.rstrip("/"), _option(config, "doorward_mailbox_url").rstrip("/"), settings)
    if tag := _option(config, "doorward_images"):
        return _containers(tag, settings)
    if source := _option(config, "doorward_install"):
        return LocalBackend(str(command_of(_path(config, source))), settings)
    command = _option(config, "doorward_command") or "doorward"
    return LocalBackend(str(_path(config, command)) if os.sep in command else command, settings)


def _containers(tag: str, settings: dict[str, str]) -> Backend:
    try:
        from doorward_testkit.containers import ContainersBackend
    except ImportError as error:
        raise StartError(
            "doorward_images needs Testcontainers: install doorward-testkit[containers]."
        ) from error
    return ContainersBackend(tag, settings)


def _option(config: pytest.Config, name: str) -> str:
    """The variable wins over the file, as a person's word does over a project's."""
    variable = OWN_PREFIX + name.removeprefix("doorward_").upper()
    return os.environ.get(variable) or str(config.getini(name))


def _path(config: pytest.Config, text: str) -> Path:
    """A path as the configuration means it: beside the configuration's file."""
    return config.rootpath / Path(text).expanduser()
