"""The usual way to send mail from Flask: a Celery task that renders it and calls Flask-Mail's ``send``.

As tutorials have it: one task a mail, early acknowledgement, a connection for each mail. The worker is
Celery's default one, prefork, with one process that sends, or more: each of those sends on its own. What is
configured is what "Using Celery with Flask" configures (https://blog.miguelgrinberg.com/post/using-celery-with-flask,
code: https://github.com/miguelgrinberg/flask-celery-example): port 587 with ``MAIL_USE_TLS``,
``MAIL_USERNAME`` and ``MAIL_PASSWORD``, and Redis as ``CELERY_RESULT_BACKEND``. Others do the same:

- https://blog.csdn.net/zsx1314lovezyf/article/details/99680569: 587, TLS, a sign-in, results in Redis
- https://blog.csdn.net/weixin_42045968/article/details/133273320: 465, TLS, a sign-in, results in Redis
- https://github.com/jessamynsmith/dunner (tasks.py): 465, TLS, a sign-in, results in Redis
- https://pastebin.com/F0GPUDtG (of a course): 587, TLS, a sign-in, results in Redis
- Flask Framework Cookbook and Flask Web Development (chapter 6), without Celery: 587, TLS, a sign-in

None of them keeps a connection from one task to the next. In its favour: Celery logs errors alone here, where
they log every task, and the task gets an address and not a pickled message.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import flask_mail
from celery import Celery
from flask import Flask

from services.notifications.settings import NotificationsSettings
from tests.notifications.mails import render

QUEUE = "tutorial"
BROKER, HOST, PORT = "BENCH_BROKER", "BENCH_SMTP_HOST", "BENCH_SMTP_PORT"
USER, PASSWORD = "BENCH_SMTP_USERNAME", "BENCH_SMTP_PASSWORD"
RESULTS = "BENCH_RESULTS"
VARIABLES = {"code": "314159", "link": "https://x.example/#t", "minutes": "10", "hours": "1"}

app = Flask(__name__)
app.config.update(MAIL_SERVER=os.environ.get(HOST, "127.0.0.1"), MAIL_PORT=int(os.environ.get(PORT, "25")))
if USER in os.environ:
    app.config.update(MAIL_USE_TLS=True, MAIL_USERNAME=os.environ[USER], MAIL_PASSWORD=os.environ[PASSWORD])
mail = flask_mail.Mail(app)
celery = Celery("tutorial", broker=os.environ.get(BROKER, "memory://"), backend=os.environ.get(RESULTS))
celery.conf.task_default_queue = QUEUE


def written(to: str) -> flask_mail.Message:
    """The mail that every contestant sends."""
    content = render("verify_email", "en", VARIABLES)
    return flask_mail.Message(
        subject=content.subject,
        recipients=[to],
        body=content.text,
        html=content.html,
        sender="no-reply@doorward.test",
    )


@celery.task(name="send_email")
def send_email(to: str) -> None:
    """Send one mail."""
    with app.app_context():
        mail.send(written(to))


def queue_up(settings: NotificationsSettings, addresses: Sequence[str]) -> None:
    """Have a mail to each of them wait, before there is a worker: so nothing else runs beside it."""
    client = Celery("tutorial", broker=settings.redis_url.get_secret_value())
    for address in addresses:
        client.send_task("send_email", args=[address], queue=QUEUE)
    client.close()


@contextmanager
def running_tutorial(settings: NotificationsSettings, *, processes: int, **more: str) -> Iterator[None]:
    """A Celery worker with so many processes that send."""
    broker = settings.redis_url.get_secret_value()
    told = {BROKER: broker, HOST: str(settings.smtp_host), PORT: str(settings.smtp_port)}
    command = [sys.executable, "-m", "celery", "-q", "-A", "bench.notifications.tutorial:celery", "worker"]
    command += ["-c", str(processes), "-l", "ERROR"]
    silent = subprocess.DEVNULL
    environment = {**os.environ, **told, **more}
    process = subprocess.Popen(command, env=environment, stdout=silent, stderr=silent)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
