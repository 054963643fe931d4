"""`doorward send-test-mail`: the mail arrives past the queue, or the server's reason is printed."""

import pytest
from click.testing import CliRunner, Result

from services.notifications.commands.trial_mail import SUBJECT, send_test_mail
from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.engines import free_port
from tests.mailbox_process import Mailbox
from tests.notifications.worker_process import environment_of


@pytest.fixture(autouse=True)
def environment(settings: NotificationsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(settings).items():
        if value != "None":
            monkeypatch.setenv(name, value)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(send_test_mail, arguments)


def test_mail_arrives_and_the_answer_of_the_server_is_shown(mailbox: Mailbox) -> None:
    outcome = run("ada@example.org")

    assert outcome.exit_code == 0, outcome.output
    assert outcome.output.startswith(f"default (127.0.0.1:{mailbox.smtp_port}, none): 250 ")
    (received,) = mailbox.messages()
    assert (received["subject"], received["to"]) == (SUBJECT, ["ada@example.org"])


def test_server_that_is_away_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("NOTIFICATIONS_SMTP_PORT", str(port))

    outcome = run("ada@example.org")

    assert outcome.exit_code == 1
    line = outcome.output.splitlines()[-1]  # after what the log has
    assert line.startswith(f"default (127.0.0.1:{port}, none): refused at connect: ")
    assert "Connection refused" in line


def test_server_that_is_none_is_a_mistake() -> None:
    outcome = run("ada@example.org", "--server", "other")

    assert (outcome.exit_code, outcome.output) == (
        1,
        "Error: There is no mail server 'other' in the settings.\n",
    )
