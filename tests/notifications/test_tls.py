"""The connection to the mail server is as protected as the settings say, or there is none."""

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

import pytest

from services.notifications.deps import deps
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp import connecting
from services.notifications.smtp.servers import SmtpServer
from shared.chassis.testing.engines import free_port
from tests.mailbox_process import Mailbox
from tests.notifications.certificates import write_certificate
from tests.notifications.conftest import MakeApp
from tests.notifications.sink import (
    HOST,
    INTERNATIONAL_PASSWORD,
    PASSWORD,
    TOKEN,
    USERNAME,
    Sink,
    running_sink,
)
from tests.notifications.test_api import send
from tests.notifications.test_delivery import attempt, show
from tests.notifications.test_servers import server, with_servers

Serve = Callable[..., Sink]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback that nobody has signed but itself, with its key."""
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def serve_all(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts each kind of mail server once."""
    with ExitStack() as stack:

        @cache
        def start(*protection: str) -> Sink:
            folder = tmp_path_factory.mktemp("sink")
            security, *who = protection
            return stack.enter_context(running_sink(folder, security, str(certificate), *who))

        yield start


@pytest.fixture
def serve(serve_all: Serve) -> Serve:
    """``serve("tls")``: a mail server that insists on it, and on an account. It has counted nothing."""

    def cleared(*protection: str) -> Sink:
        sink = serve_all(*protection)
        sink.clear()
        return sink

    return cleared


def protected(
    settings: NotificationsSettings, security: str, sink: Sink, password: str = PASSWORD
) -> NotificationsSettings:
    changes = {
        "smtp_security": security,
        "smtp_port": sink.port,
        "smtp_username": USERNAME,
        "smtp_password": password,
        "smtp_timeout_seconds": 10,
        "attempt_lease_seconds": 30,
    }
    return NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **changes})


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_tls_where_the_certificate_is_believed(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    certificate: Path,
    as_sender: dict[str, str],
    security: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    sink = serve(security)
    app = make_app(protected(settings, security, sink))
    client = app.test_client()
    ids = [send(client, as_sender) for _ in range(2)]

    for notification_id in ids:
        attempt(app, notification_id)

    assert [show(client, as_sender, notification_id)["status"] for notification_id in ids] == ["sent"] * 2
    assert sink.count() == 2


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_waits_where_the_certificate_is_not_believed(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    as_sender: dict[str, str],
    security: str,
) -> None:
    sink = serve(security)
    app = make_app(protected(settings, security, sink))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    shown = show(client, as_sender, notification_id)
    assert shown["status"] == "retrying"
    assert "CERTIFICATE_VERIFY_FAILED" in shown["timeline"][-1]["detail"]
    assert sink.count() == 0


def test_mail_waits_where_the_password_is_wrong(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    certificate: Path,
    as_sender: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    sink = serve("tls")
    app = make_app(protected(settings, "tls", sink, password="a guess"))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    shown = show(client, as_sender, notification_id)
    assert shown["status"] == "retrying"
    assert "535" in shown["timeline"][-1]["detail"]
    assert "guess" not in str(shown)
    assert sink.count() == 0


def test_answer_that_is_pushed_in_before_tls_is_not_read_behind_it(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for answer in (b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n"):
                self.wfile.write(answer)
                self.rfile.readline()
            self.wfile.write(b"220 go on\r\n250-x\r\n250 PUSHEDIN\r\n")
            with context.wrap_socket(self.request, server_side=True) as secured:
                secured.recv(1000)
                secured.sendall(b"250-x\r\n250 GENUINE\r\n")
                secured.recv(1000)

    with socketserver.ThreadingTCPServer((HOST, 0), Talk) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        server_ = SmtpServer(host=HOST, port=listening.server_address[1], security="starttls")
        host = connecting.connect(server_, my_name="example.org", timeout=5)
        host.close()
        listening.shutdown()

    assert (host.has_extn("genuine"), host.has_extn("pushedin")) == (True, False)


@pytest.mark.parametrize(("token", "status"), [(TOKEN, "sent"), ("an old token", "retrying")])
def test_worker_signs_in_with_a_token_out_of_a_file(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    certificate: Path,
    as_sender: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    status: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    account = {"username": USERNAME, "password_file": str(file), "auth": "xoauth2"}
    app = make_app(with_servers(settings, server("only", serve("tls").port, security="tls", **account)))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    shown = show(client, as_sender, notification_id)
    assert shown["status"] == status
    assert token not in str(shown)


def test_password_that_is_not_ascii_signs_in(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    certificate: Path,
    as_sender: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    sink = serve("tls")
    app = make_app(protected(settings, "tls", sink, password=INTERNATIONAL_PASSWORD))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    assert (show(client, as_sender, notification_id)["status"], sink.count()) == ("sent", 1)


@pytest.mark.parametrize("auth", ["password", "xoauth2"])
@pytest.mark.parametrize("secret", [b"geheim \xff", "geheim ü".encode()], ids=["no text", "not ASCII"])
def test_secret_that_cannot_be_sent_is_shown_nowhere_and_the_next_server_takes_the_message(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    mailbox: Mailbox,
    certificate: Path,
    as_admin: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    auth: str,
    secret: bytes,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    file = tmp_path / "secret"
    file.write_bytes(secret)
    account = {"username": USERNAME, "password_file": str(file), "auth": auth}
    first = server("first", serve("tls").port, security="tls", **account)
    app = make_app(with_servers(settings, first, server("second", mailbox.smtp_port, order=1)))
    client = app.test_client()
    notification_id = send(client, as_admin)

    attempt(app, notification_id)

    shown = show(client, as_admin, notification_id)
    with app.app_context():
        said = str([outlet.breaker.last_error for outlet in deps().sender.outlets])
    assert (shown["status"], shown["timeline"][-1]["server"]) == ("sent", "second")
    assert "geheim" not in f"{shown}{said}{''.join(capsys.readouterr())}"


@pytest.mark.parametrize(("is_shown", "status"), [(True, "sent"), (False, "retrying")])
def test_worker_shows_its_certificate_to_a_server_that_wants_one(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    certificate: Path,
    as_sender: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    is_shown: bool,
    status: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mine = {"client_certificate": str(certificate)} if is_shown else {}
    port = serve("tls", "client").port
    app = make_app(with_servers(settings, server("only", port, security="tls", **mine)))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    assert show(client, as_sender, notification_id)["status"] == status


def test_certificate_that_was_renewed_is_shown_to_the_next_connection(
    make_app: MakeApp,
    settings: NotificationsSettings,
    serve: Serve,
    certificate: Path,
    as_sender: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mine = write_certificate(tmp_path)  # which the server does not believe
    port = serve("tls", "client").port
    app = make_app(with_servers(settings, server("only", port, security="tls", client_certificate=str(mine))))
    client = app.test_client()
    first, second = send(client, as_sender), send(client, as_sender)

    attempt(app, first)
    mine.write_bytes(certificate.read_bytes())
    attempt(app, second)

    assert [show(client, as_sender, message_id)["status"] for message_id in (first, second)] == [
        "retrying",
        "sent",
    ]


def test_authorities_are_read_once_for_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[ssl.SSLContext] = []
    create = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: read.append(create()) or read[-1])
    connecting._context_of.cache_clear()
    nobody = SmtpServer(host=HOST, port=free_port(), security="tls")

    for _ in range(3):
        with suppress(ConnectionRefusedError):
            connecting.connect(nobody, my_name="example.org", timeout=1)

    assert len(read) == 1
