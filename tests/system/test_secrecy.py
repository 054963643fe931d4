"""What was stolen is worth nothing, what is secret is in no log, and a log shows what happened to whom."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import psycopg
import pyotp
import pytest

from shared.chassis.testing.engines import free_port, wait_until
from tests.system import journey, leaks
from tests.system.backend import SECRET, SERVICES, Backend
from tests.system.conftest import StartBackend
from tests.system.journey import PASSWORD, Journey, bearer, expect

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

NEXT = "quiet-meadow-41-lantern"
WRONG = "a-wrong-guess-8642"
AUTH = "/api/v1/auth"
# Who has a part, and what it says of it: the web processes answer, the workers do the rest.
PARTS = (
    ("gateway", "request"),
    ("auth", "request"),
    ("auth-worker-1", "mail_request_granted"),
    ("users-worker-1", "message_handled"),
    ("notifications-worker-1", "message_handled"),
    ("notifications-worker-1", "attempt_finished"),
)


@pytest.fixture(scope="module")
def backend(start_backend: StartBackend) -> Backend:
    """One of each process, as talkative as it can be."""
    ports = {f"{service.upper()}_WORKER_METRICS_PORT": str(free_port()) for service in SERVICES}
    return start_backend(LOG_LEVEL="DEBUG", **ports)


@pytest.fixture
def traveller(backend: Backend) -> Journey:
    return Journey(backend.gateway_url, backend.mailbox_url)


def wait_for_template(backend: Backend, email: str, words: str) -> dict[str, Any]:
    """The newest mail with these words in its subject or text."""
    found: list[dict[str, Any]] = []

    def arrived() -> bool:
        mails = journey.mails_to(backend.mailbox_url, email)
        found[:] = [mail for mail in mails if words in mail["subject"] + mail["text"]]
        return bool(found)

    wait_until(arrived, what=f"the mail {words!r}", seconds=30)
    return found[0]


def was_received(backend: Backend, access_token: str) -> bool:
    """Whether auth knows of this token's pair that its client has it."""
    claims = jwt.decode(access_token, options={"verify_signature": False})
    with psycopg.connect(backend.environment["AUTH_DATABASE_URL"]) as connection:
        found = connection.execute("SELECT received FROM sessions WHERE id = %s", [claims["sid"]]).fetchone()
    return found == (claims["pair"],)


def test_stolen_refresh_token_ends_the_session_at_the_gateway_and_its_owner_hears_of_it(
    backend: Backend, traveller: Journey
) -> None:
    traveller.register()
    traveller.verify()
    stolen = traveller.pair["refresh_token"]
    traveller.refresh()
    assert traveller._get_profile().status_code != 401
    fresh = traveller.pair["access_token"]
    wait_until(lambda: was_received(backend, fresh), what="the receipt of the second pair", seconds=30)
    with psycopg.connect(backend.environment["AUTH_DATABASE_URL"]) as connection:
        # The half minute in which every tab may still come with it is over.
        connection.execute("UPDATE sessions SET rotations = ARRAY[rotations[1] - 31] WHERE rotations <> '{}'")

    answer = traveller.client.post(f"{AUTH}/refresh", json={"refresh_token": stolen})

    begun = time.monotonic()
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_token_reused")
    wait_until(lambda: traveller._get_profile().status_code == 401, what="refusal at the gateway", seconds=10)
    print(f"refused at the gateway after {time.monotonic() - begun:.2f} s")  # noqa: T201
    expect(traveller.client.post(f"{AUTH}/refresh", headers=bearer(traveller.pair["refresh_token"])), 401)
    wait_for_template(backend, traveller.email, "We ended a session of yours")


class Spy:
    """Everything secret that went over the wire."""

    def __init__(self, traveller: Journey, backend: Backend) -> None:
        self.secrets = {traveller.email, PASSWORD, NEXT, WRONG, SECRET, "987654"}
        self._traveller = traveller
        self._backend = backend

    def call(self, status: int, method: str, path: str, *, by: str | None = None, **body: Any) -> Any:
        """A call with the token ``by``; what is secret in the answer is kept in mind."""
        headers = bearer(by) if by else {}
        options: dict[str, Any] = {"json": body} if body else {}
        answer = self._traveller.client.request(method, f"{AUTH}/{path}", headers=headers, **options)
        self.secrets |= {answer.headers["X-Device-Token"]} if "X-Device-Token" in answer.headers else set()
        self._keep(answer.json() if answer.content else None)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def mail(self, words: str, email: str | None = None) -> tuple[str, str]:
        """The code and the link's token of a mail."""
        mail = wait_for_template(self._backend, email or self._traveller.email, words)
        code, token = journey.code_in(mail), mail["text"].partition("#token=")[2].split()[0]
        self.secrets |= {code, token}
        return code, token

    def _keep(self, found: Any) -> None:
        if isinstance(found, dict):
            for name, value in found.items():
                is_secret = name.endswith("_token") or name in {"secret", "key", "otpauth_uri"}
                self.secrets |= {value} if is_secret and isinstance(value, str) else set()
                self.secrets |= set(value) if name == "recovery_codes" else set()
                self._keep(value)


def live(spy: Spy, email: str) -> None:
    """Everything that an account can do with secrets, once well and once badly."""
    spy.call(202, "POST", "register", email=email, password=PASSWORD, name="Ada")
    spy.call(400, "POST", "verify-email", email=email, code="987654")
    code, _ = spy.mail("#token=")
    spy.call(200, "POST", "verify-email", email=email, code=code)
    spy.call(401, "POST", "login", email=email, password=WRONG)
    pair = spy.call(200, "POST", "login", email=email, password=PASSWORD)
    pair = spy.call(200, "POST", "refresh", by=pair["refresh_token"])
    spy.call(401, "POST", "refresh", by=pair["refresh_token"] + "x")
    access = pair["access_token"]
    spy.call(201, "POST", "api-keys", by=access, name="Backup", scopes=["account"])
    spy.call(200, "POST", "passkeys/options", by=access)
    secret = spy.call(201, "POST", "mfa/totp", by=access)["secret"]
    code = pyotp.TOTP(secret).now()
    codes = spy.call(200, "POST", "mfa/totp/confirm", by=access, code=code)["recovery_codes"]
    ticket = spy.call(401, "POST", "login", email=email, password=PASSWORD)["mfa_token"]
    spy.call(200, "POST", "mfa/verify", mfa_token=ticket, code=codes[0])
    spy.call(202, "POST", "password/forgot", email=email)
    _, token = spy.mail("reset-password?lang=")
    spy.call(204, "POST", "password/reset", token=token, password=NEXT)
    spy.call(202, "POST", "email-code", email=email)
    code, _ = spy.mail("sign-in?lang=")
    ticket = spy.call(401, "POST", "email-code/verify", email=email, code=code)["mfa_token"]
    access = spy.call(200, "POST", "mfa/verify", mfa_token=ticket, code=codes[1])["access_token"]
    new_email = f"new.{email}"
    spy.secrets.add(new_email)
    spy.call(202, "POST", "email/change", by=access, new_email=new_email, password=NEXT, code=codes[2])
    code, _ = spy.mail("change-email?lang=", new_email)
    spy.call(204, "POST", "email/change/confirm", by=access, code=code)
    # A client that puts them where they do not belong.
    spy.call(404, "GET", f"no-such-page/{token}?token={access}&email={email}")


def written_by(backend: Backend) -> dict[str, str]:
    """What each process logged (each line names its trace), and what it tells of itself as metrics."""
    written = {name: process.log() for name, process in backend.processes.items() if name != "mailbox"}
    names = ["GATEWAY_METRICS_PORT"]
    names += [f"{service.upper()}_{kind}" for service in SERVICES for kind in ("PORT", "WORKER_METRICS_PORT")]
    for name in names:
        url = f"http://127.0.0.1:{backend.environment[name]}/metrics"
        written[name] = expect_text(httpx.get(url, timeout=10, trust_env=False))
    return written


def expect_text(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    return answer.text


def test_nothing_secret_is_in_logs_metrics_or_traces(backend: Backend, traveller: Journey) -> None:
    spy = Spy(traveller, backend)

    live(spy, traveller.email)

    written = written_by(backend)
    assert len(spy.secrets) > 30
    assert all(written.values()), "every process has written something"
    assert f'"path":"{AUTH}/login"' in written["auth"] + written["gateway"]
    assert {name: found for name, text in written.items() if (found := leaks.find(spy.secrets, text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "email=ada.lovelace@example.com",
        "GET /x?email=ada.lovelace%40example.com",
        "eyJlbWFpbCI6ImFkYS5sb3ZlbGFjZUBleGFtcGxlLmNvbSJ9",
        "YWRhLmxvdmVsYWNlQGV4YW1wbGUuY29t",
        "code 123456 was wrong",
    ],
)
def test_spellings_are_found(text: str) -> None:
    assert leaks.find({"ada.lovelace@example.com", "123456"}, text)


def lines(backend: Backend, process: str) -> Iterator[dict[str, Any]]:
    """The process's log; what is no JSON is a server's greeting."""
    for line in backend.processes[process].log().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def test_a_registration_can_be_followed_through_every_process(backend: Backend) -> None:
    request_id, trace_id = f"follow-{secrets.token_hex(8)}", secrets.token_hex(16)
    traveller = Journey(backend.gateway_url, backend.mailbox_url)
    traveller.client.headers["X-Request-ID"] = request_id
    traveller.client.headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"

    traveller.register()
    traveller.verify()

    def is_in_the_log_of(process: str, event: str) -> bool:
        return any(
            line["event"] == event
            and (line.get("request_id"), line.get("trace_id")) == (request_id, trace_id)
            for line in lines(backend, process)
        )

    for process, event in PARTS:
        wait_until(lambda p=process, e=event: is_in_the_log_of(p, e), what=f"{event} in the log of {process}")
