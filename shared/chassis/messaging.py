"""Celery as Doorward uses it: the broker is a doorbell, the databases hold the truth.

Owns the Celery app of a service, publishing from the outbox, receiving into the inbox, and the
acknowledgement that lets the sender forget. Publishing never happens in a request.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import UUID

import orjson
from celery import Celery, Task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from shared.chassis import dead_messages, inbox, metrics, tracing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.housekeeping import Chore, Housekeeper, delete_older
from shared.chassis.inbox import InboxMixin
from shared.chassis.logs import get_logger
from shared.chassis.outbox import CHANNEL, Claimed, Outbox
from shared.chassis.relay import Relay
from shared.chassis.sealing import Sealer, message_purpose
from shared.chassis.settings import ServiceSettings
from shared.contracts import queues
from shared.contracts.messages import Message

Handler = Callable[[Any], None]

# A task taken by a worker that died is handed to another after this long; far above any task's time.
VISIBILITY_TIMEOUT_SECONDS = 120
# How long a worker that stops waits for the last step of each relay.
LAST_STEP_SECONDS = 10.0

log = get_logger(__name__)


def new_celery(app: Flask, settings: ServiceSettings, *, service: str) -> Celery:
    """The Celery app of ``service``; its tasks run in ``app``'s context and under the sender's trace."""

    class TracedTask(Task):  # type: ignore[type-arg]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            headers = self.request.get("headers") or {}
            with tracing.tracing(tracing.from_headers(headers)), app.app_context():
                return self.run(*args, **kwargs)

    celery: Celery[Any] = Celery(f"doorward-{service}", task_cls=TracedTask, set_as_current=False)
    celery.conf.update(celery_options(settings, service))
    return celery


def celery_options(settings: ServiceSettings, service: str) -> dict[str, Any]:
    """What differs from Celery's defaults; research and reasons in docs/operating.md."""
    return {
        "broker_url": settings.redis_url.get_secret_value(),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "global_keyprefix": "doorward:celery:",
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_create_missing_queues": True,
        "task_default_queue": queues.QUEUES[service][0],
        "task_publish_retry": False,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": settings.worker_concurrency,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_soft_shutdown_timeout": 10.0,
    }


def publish(celery: Celery, claimed: Claimed) -> None:
    """Ring the subscriber's bell with one sealed message; raises where the broker does not take it."""
    celery.send_task(
        queues.receive_task(claimed.subscriber, claimed.name),
        args=[claimed.sealed],
        queue=queues.QUEUES[claimed.subscriber][0],
        headers={"headers": claimed.trace},
        retry=False,
    )


def unread(celery: Celery) -> set[str]:
    """The services in whose queue something lies; none where the broker does not say."""
    try:
        with celery.pool.acquire(block=True) as acquired:
            connection: Any = acquired  # the stubs take the pool for one of producers
            broker = connection.default_channel.client
            return {service for service, (queue, *_) in queues.QUEUES.items() if broker.llen(queue)}
    except (BrokerError, RedisError, OSError):
        return set()


def relay_outbox(celery: Celery, outbox: Outbox, *, unread: Collection[str] = ()) -> int:
    """Publish what is due; what the broker does not take is due again in a second. How many went."""
    batch = outbox.claim(utcnow(), unread=unread)
    for done, claimed in enumerate(batch):
        try:
            publish(celery, claimed)
        except (BrokerError, RedisError, OSError) as error:
            outbox.release(batch[done:], utcnow())
            log.warning("broker_unavailable", waiting=len(batch) - done, cause=repr(error))
            return done
        except Exception:
            # A row of which no message can be made (a subscriber of a release that is gone) stops no other.
            log.exception("message_not_published", message_id=str(claimed.message_id))
    return len(batch)


class Courier:
    """A service's side of messaging: handlers by message, the acknowledgements both ways."""

    def __init__(
        self,
        celery: Celery,
        db: SQLAlchemy,
        *,
        service: str,
        secrets: list[str],
        outbox: Outbox,
        inbox_model: type[InboxMixin],
    ) -> None:
        self._celery = celery
        self._db = db
        self._service = service
        self._secrets = secrets
        self._outbox = outbox
        self._inbox = inbox_model
        self._messages = Sealer(secrets, message_purpose(service))
        self._acknowledgements = Sealer(secrets, f"acknowledgement:{service}")

    def register(self, handlers: Mapping[type[Message], Handler]) -> None:
        """Make a Celery task of each handler, and one that takes acknowledgements."""
        for kind, handler in handlers.items():
            name = queues.receive_task(self._service, kind.name)
            self._celery.task(name=name)(self._receiver(kind, handler))
        self._celery.task(name=queues.acknowledge_task(self._service))(self._take_acknowledgement)

    def _receiver(self, kind: type[Message], handler: Handler) -> Callable[[str], None]:
        def receive(sealed: str) -> None:  # Celery reads the signature, and takes no lambda
            self.receive(kind, handler, sealed)

        return receive

    def receive(self, kind: type[Message], handler: Handler, sealed: str) -> None:
        """Handle one message once, in one transaction with its inbox row, then tell the sender.

        Raises SealBroken for what no Doorward process sealed for this service.
        """
        content = orjson.loads(self._messages.open(sealed))
        message_id = UUID(content["id"])
        message = kind.model_validate(content["body"])
        with transaction(self._db):
            if inbox.record(self._db, self._inbox, message_id):
                handler(message)
                log.info("message_handled", message=kind.name, message_id=str(message_id))
        self._acknowledge(content["source"], message_id)

    def _acknowledge(self, source: str, message_id: UUID) -> None:
        receipt = orjson.dumps({"id": message_id, "subscriber": self._service})
        sealed = Sealer(self._secrets, f"acknowledgement:{source}").seal(receipt)
        self._celery.send_task(
            queues.acknowledge_task(source),
            args=[sealed],
            queue=queues.QUEUES[source][0],
            headers={"headers": tracing.current_headers()},
            retry=False,
        )

    def _take_acknowledgement(self, sealed: str) -> None:
        receipt = orjson.loads(self._acknowledgements.open(sealed))
        self._outbox.acknowledge(UUID(receipt["id"]), receipt["subscriber"])


def heartbeat_file(service: str) -> Path:
    """The file that a living worker touches; its age is the worker's health check."""
    return Path(gettempdir()) / f"doorward-{service}-worker.alive"


def run_in_worker(settings: ServiceSettings, threads: Callable[[], Sequence[Relay | Housekeeper]]) -> None:
    """Start the service's relays and housekeeper with its Celery worker and stop them with it.

    A step that has begun is done to its end: what it has leased is passed on or given back, so that an
    ordered stop leaves no lease to run out.
    """
    running: list[Relay | Housekeeper] = []
    untold: list[Relay | Housekeeper] = []  # that they shall stop

    @worker_ready.connect(weak=False)
    def start(**_signal: Any) -> None:
        serve_metrics(settings)
        for thread in threads():
            thread.start()
            running.append(thread)
            untold.append(thread)

    @worker_shutting_down.connect(weak=False)
    def begin_no_more(**_signal: Any) -> None:
        # Celery calls this in its signal handler, which a second signal interrupts: that would wait for
        # the lock of an event which it has interrupted the setting of. So each is told once.
        with suppress(IndexError):
            while True:
                untold.pop().stop()

    @worker_shutdown.connect(weak=False)
    def await_the_last(**_signal: Any) -> None:
        begin_no_more()
        for thread in running:
            thread.join(LAST_STEP_SECONDS)


def serve_metrics(settings: ServiceSettings) -> AbstractContextManager[None] | None:
    """Have the worker answer for what it counts, where a port is set and can be had."""
    if not settings.worker_metrics_port:
        return None
    try:
        return metrics.serve(settings.host, settings.worker_metrics_port)
    except OSError as error:
        # Mail that is sent uncounted is better than mail that is not sent.
        log.error("metrics_not_served", port=settings.worker_metrics_port, cause=repr(error))  # noqa: TRY400
        return None


def outbox_relay(
    app: Flask, settings: ServiceSettings, celery: Celery, outbox: Outbox, *, service: str
) -> Relay:
    """The relay that every service has; it goes round at least once a second, and shows that it does."""
    heartbeat = heartbeat_file(service)
    patience = timedelta(hours=settings.refused_hours)

    def step() -> int:
        heartbeat.touch()
        absent = unread(celery)
        dead_messages.bury(outbox, utcnow(), unread=absent, after=patience)
        return relay_outbox(celery, outbox, unread=absent)

    return Relay(
        app,
        name="outbox",
        channel=CHANNEL,
        database_url=settings.sqlalchemy_url,
        step=step,
    )


def new_worker(
    app: Flask,
    settings: ServiceSettings,
    db: SQLAlchemy,
    *,
    service: str,
    outbox: Outbox,
    inbox_model: type[InboxMixin],
    handlers: Mapping[type[Message], Handler],
    more_relays: Callable[[Celery], list[Relay]] = lambda _celery: [],
    chores: Sequence[Chore] = (),
) -> Celery:
    """The whole Celery worker of a service: its tasks, its relays and its housekeeping."""
    celery = new_celery(app, settings, service=service)
    secrets = settings.accepted_secrets
    courier = Courier(celery, db, service=service, secrets=secrets, outbox=outbox, inbox_model=inbox_model)
    courier.register(handlers)
    chores = [delete_older(db, inbox_model, inbox_model.handled_at, inbox.KEPT_FOR), *chores]
    run_in_worker(
        settings,
        lambda: [
            outbox_relay(app, settings, celery, outbox, service=service),
            *more_relays(celery),
            Housekeeper(app, chores),
        ],
    )
    return celery
