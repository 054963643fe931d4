"""The relays of auth's worker: mails that were asked for, revocations to the gateways, receipts from them."""

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry

from services.auth.mail import mail_requests
from services.auth.sessions import receipts, revocations
from services.auth.settings import AuthSettings
from services.auth.tasks import MAIL_REQUESTS
from shared.chassis.relay import Relay

SOCKET_TIMEOUT_SECONDS = 2.0


def new_relays(app: Flask, settings: AuthSettings) -> list[Relay]:
    """What runs beside the outbox's relay."""
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        # Redis was restarted and the connection is stale: a new one at once. More is the relay's own affair.
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
    )
    return [
        Relay(
            app,
            name="mail_requests",
            channel=mail_requests.CHANNEL,
            database_url=settings.sqlalchemy_url,
            step=lambda: mail_requests.work_off(MAIL_REQUESTS),
        ),
        Relay(
            app,
            name="revocations",
            channel=revocations.CHANNEL,
            database_url=settings.sqlalchemy_url,
            step=lambda: revocations.publish(redis),
        ),
        Relay(
            app,
            name="receipts",
            channel=receipts.CHANNEL,
            database_url=settings.sqlalchemy_url,
            step=lambda: receipts.move(redis),
        ),
    ]
