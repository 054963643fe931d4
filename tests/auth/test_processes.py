"""auth's web processes and its worker together: mails and revocations go out, nothing secret is logged."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
import psycopg
import pytest
import redis as redis_library
from flask import Flask

from services.auth.settings import AuthSettings
from shared.chassis.sealing import Sealer, message_purpose
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET
from shared.contracts.tokens import REVOCATION_CHANNEL, REVOCATION_SET
from tests.auth.conftest import AUTH, PASSWORD
from tests.auth.processes import environment, serving, working

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
ADA = "ada.lovelace@example.org"


class Running:
    """auth as it runs, and a look behind it."""

    def __init__(self, url: str, settings: AuthSettings, redis: Any, log: Path) -> None:
        self.client = httpx.Client(base_url=url + AUTH + "/", timeout=10)
        self.redis = redis
        self.log = log
        self._database_url = settings.database_url.get_secret_value()
        self._sealer = Sealer([SECRET], message_purpose("notifications"))

    def post(self, path: str, token: str | None = None, **body: Any) -> httpx.Response:
        """POST, with an access token perhaps."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post(path, json=body, headers=headers)

    def mails(self) -> list[dict[str, Any]]:
        """The mails that wait in the outbox: nobody is there to take them."""
        with psycopg.connect(self._database_url) as connection:
            query = "SELECT sealed FROM outbox WHERE name = 'send_email' ORDER BY message_id"
            rows = connection.execute(query).fetchall()
        return [orjson.loads(self._sealer.open(sealed))["body"] for (sealed,) in rows]

    def wait_for_mail(self, template: str) -> dict[str, str]:
        """The variables of the mail, as soon as the worker has asked for it."""
        wait_until(lambda: template in [mail["template"] for mail in self.mails()], what=template)
        return next(mail["variables"] for mail in self.mails() if mail["template"] == template)

    def register(self) -> dict[str, Any]:
        """A verified account, signed in."""
        self.post("register", email=ADA, password=PASSWORD, name="Ada")
        code = self.wait_for_mail("verify_email")["code"]
        pair: dict[str, Any] = self.post("verify-email", email=ADA, code=code).json()
        return pair


@pytest.fixture
def auth(app: Flask, settings: AuthSettings, redis_url: str, tmp_path: Path) -> Iterator[Running]:
    log = tmp_path / "auth.log"
    environ = environment(
        database_url=settings.database_url.get_secret_value(), redis_url=redis_url, LOG_LEVEL="DEBUG"
    )
    with (
        working(environ, log),
        serving(environ, log, workers=2) as url,
        redis_library.Redis.from_url(redis_url, decode_responses=True) as redis,
    ):
        running = Running(url, settings, redis, log)
        with running.client:
            yield running


def session_of(pair: dict[str, Any]) -> str:
    return f"session:{jwt.decode(pair['access_token'], options={'verify_signature': False})['sid']}"


def test_revocation_is_published_within_a_second(auth: Running) -> None:
    pair = auth.register()
    heard: list[float] = []
    listener = auth.redis.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(REVOCATION_CHANNEL)
    time.sleep(0.3)

    def listen() -> None:
        while not heard:
            message = listener.get_message(timeout=5)
            if message and session_of(pair) in message["data"]:
                heard.append(time.monotonic())

    thread = threading.Thread(target=listen)
    thread.start()
    begun = time.monotonic()
    assert auth.post("logout", pair["access_token"]).status_code == 204
    thread.join(10)
    listener.close()

    assert heard[0] - begun < 1.0


def test_flushed_redis_is_filled_again_within_seconds(auth: Running) -> None:
    pair = auth.register()
    auth.post("logout", pair["access_token"])
    wait_until(lambda: auth.redis.zscore(REVOCATION_SET, session_of(pair)) is not None, what="revocation")

    auth.redis.flushdb()

    wait_until(
        lambda: auth.redis.zscore(REVOCATION_SET, session_of(pair)) is not None,
        what="the set",
        seconds=4,
    )


def test_nothing_secret_is_logged(auth: Running) -> None:
    pair = auth.register()
    refreshed = auth.post("refresh", refresh_token=pair["refresh_token"]).json()
    signed_in = auth.post("login", email=ADA, password=PASSWORD)
    auth.post("login", email=ADA, password="a-wrong-guess-8642")
    auth.post("verify-email", email=ADA, code="987654")
    auth.post("password/forgot", email=ADA)
    reset = auth.wait_for_mail("password_reset")
    auth.post("password/reset", email=ADA, code=reset["code"], password="quiet-meadow-41-lantern")
    auth.post("refresh", refresh_token=pair["refresh_token"] + "x")
    metrics = auth.client.get(str(auth.client.base_url).replace(f"{AUTH}/", "/metrics")).text
    mails = auth.mails()

    secrets = {
        PASSWORD, ADA, "a-wrong-guess-8642", "quiet-meadow-41-lantern", SECRET,
        pair["access_token"], pair["refresh_token"], refreshed["access_token"], refreshed["refresh_token"],
        signed_in.headers["X-Device-Token"], *(mail["variables"]["link"].partition("#token=")[2]
        for mail in mails if "link" in mail["variables"]),
    }  # fmt: skip
    codes = {mail["variables"]["code"] for mail in mails if "code" in mail["variables"]} | {"987654"}
    written = auth.log.read_text() + metrics

    assert "signed_in" in written or "request" in written or written.count("\n") > 5
    assert [secret for secret in secrets if secret in written] == []
    assert [code for code in codes if re.search(rf"(?<![\w.:-]){code}(?![\w.:-])", written)] == []
