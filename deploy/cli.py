"""The command ``doorward``: which commands there are, and where each lives.

Owns the table of commands and the wording of a failed start. A command's module is imported when
the command is called, so that an image with only one process's extra runs that process's commands.
"""

import sys
from collections.abc import Iterable
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import NamedTuple

import click

from deploy.absences import absence


class Entry(NamedTuple):
    """Where a command lives, and what ``--help`` says of it without importing it."""

    address: str
    help: str
    needs_environment: bool = False


AUTH = "services.auth.commands"
USERS = "services.users.commands"
NOTIFICATIONS = "services.notifications.commands"

# needs_environment: a person calls it on a machine where `doorward up` may hold the settings.
COMMANDS = {
    "up": Entry("deploy.local.command:up", "Run everything on this machine, without Docker."),
    "status": Entry(
        "deploy.status:status", "Show every process, its version, and what waits in its queues.", True
    ),
    "serve": Entry("deploy.serve:serve", "Serve one process: gateway, auth, users or notifications."),
    "work": Entry("deploy.work:work", "Run the Celery worker of one service."),
    "migrate": Entry("deploy.migrate:migrate", "Migrate the databases to the newest schema.", True),
    "mailbox": Entry("deploy.mailbox.command:mailbox", "Run the development mail catcher."),
    "create-admin": Entry(f"{AUTH}.accounts:create_admin", "Create an administrator.", True),
    "import-accounts": Entry(
        f"{AUTH}.accounts:import_accounts", "Import accounts with their password hashes.", True
    ),
    "export-accounts": Entry(f"{AUTH}.accounts:export_accounts", "Export all accounts to a file.", True),
    "deletions": Entry(
        f"{USERS}.deletions:deletions", "Delete accounts again after a backup was restored.", True
    ),
    "resync-memberships": Entry(
        f"{USERS}.organizations:resync_memberships", "Send all memberships to auth again.", True
    ),
    "import-profiles": Entry(f"{USERS}.profiles:import_profiles", "Import profiles from a file.", True),
    "export-profiles": Entry(f"{USERS}.profiles:export_profiles", "Export profiles to a file.", True),
    "account": Entry(f"{AUTH}.account:account", "Find and manage an account.", True),
    "resync": Entry(f"{AUTH}.accounts:resync", "Send all accounts to the other services again.", True),
    "rotate-keys": Entry(f"{AUTH}.signing_keys:rotate_keys", "Start to sign tokens with a new key.", True),
    "list-keys": Entry(f"{AUTH}.signing_keys:list_keys", "List the keys that sign tokens.", True),
    "withdraw-key": Entry(f"{AUTH}.signing_keys:withdraw_key", "Refuse a key that has leaked.", True),
    "reseal": Entry("deploy.reseal:reseal", "Encrypt stored data again with the current secret.", True),
    "check-addresses": Entry(
        "deploy.check_addresses:check_addresses", "Find addresses that are stored in an old format.", True
    ),
    "outbox": Entry("deploy.outbox:outbox", "List and resend messages that were not delivered.", True),
    "queue": Entry(f"{NOTIFICATIONS}.queue:queue", "Show which mails wait, and what is stuck.", True),
    "message": Entry(f"{NOTIFICATIONS}.queue:message", "Show the status of one message.", True),
    "send-test-mail": Entry(
        f"{NOTIFICATIONS}.trial_mail:send_test_mail",
        "Send a test mail through each mail server.",
        True,
    ),
    "templates": Entry(f"{NOTIFICATIONS}.templates:templates", "Edit the templates of mails as files.", True),
    "routes": Entry("gateway.cli:routes", "List the gateway's routes.", True),
    "check-routes": Entry("gateway.cli:check_routes", "Check route files."),
    "explain": Entry("gateway.cli:explain", "Explain what the gateway does with a request.", True),
}
SETTINGS_EXIT_CODE = 2
ABSENCE_EXIT_CODE = 3


class LazyGroup(click.Group):
    """A group that imports a command when it is called and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands whose code is in this installation."""
        return [name for name, entry in COMMANDS.items() if _is_installed(entry)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None where there is no such command here."""
        entry = COMMANDS.get(cmd_name)
        if entry is None or not _is_installed(entry):
            return None
        if entry.needs_environment:
            _adopt_local_environment()
        module, _, attribute = entry.address.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        rows: Iterable[tuple[str, str]] = [(name, COMMANDS[name].help) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(list(rows))


def _is_installed(entry: Entry) -> bool:
    module = entry.address.partition(":")[0]
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is not there
        return False


def _adopt_local_environment() -> None:
    """Let a command that a person calls see what `doorward up` gave its processes."""
    if find_spec("deploy.local") is not None:
        from deploy.local.environment import adopt

        adopt()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _option, is_asked: _show_version(context, is_asked=is_asked),
    help="Show the version and exit.",
)
def doorward() -> None:
    """Doorward: the accounts backend that a team puts in front of its own services."""


def _show_version(context: click.Context, *, is_asked: bool) -> None:
    if not is_asked or context.resilient_parsing:
        return
    try:
        version = metadata.version("doorward")
    except metadata.PackageNotFoundError:  # an image holds the code and no distribution of it
        version = "(version: see the image's label)"
    click.echo(f"doorward {version}")
    context.exit()


def main() -> None:
    """Run the command line; wrong settings (exit 2) and stores that are away (3) are said in sentences."""
    from shared.chassis.settings import SettingsError

    try:
        doorward(prog_name="doorward")
    except SettingsError as error:
        for sentence in str(error).splitlines():
            click.echo(f"doorward: {sentence}", err=True)
        if "is not set" in str(error) and _needs_environment(sys.argv[1:2]):
            click.echo(
                "doorward: Set it, or run this command while `doorward up` runs on this machine.", err=True
            )
        sys.exit(SETTINGS_EXIT_CODE)
    except Exception as error:
        reason = absence(error)
        if reason is None:
            raise
        click.echo(f"doorward: {reason}", err=True)
        sys.exit(ABSENCE_EXIT_CODE)


def _needs_environment(words: list[str]) -> bool:
    return any(COMMANDS[word].needs_environment for word in words if word in COMMANDS)
