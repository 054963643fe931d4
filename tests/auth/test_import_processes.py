"""`doorward import-accounts` as a process of its own: killed in the middle, and repeated."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from flask import Flask

from services.auth.models import Account, Outbox, db
from services.auth.settings import AuthSettings
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import uncounted
from tests.auth.processes import ROOT, environment

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

LINES = 4_000
HASH = f"pbkdf2_sha256$600000$salt${'A' * 43}="


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.ndjson"
    lines = ({"email": f"user{number}@example.org", "password_hash": HASH} for number in range(LINES))
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    return path


def count(app: Flask, model: type[Account] | type[Outbox]) -> int:
    with app.app_context():
        found = db.session.scalar(db.select(db.func.count()).select_from(model)) or 0
        db.session.rollback()
    return int(found)


def test_import_that_was_killed_is_repeated_and_tells_of_each_account_once(
    app: Flask, settings: AuthSettings, redis_url: str, file: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "deploy", "import-accounts", str(file)]
    database_url = settings.database_url.get_secret_value()
    environ = uncounted(environment(database_url=database_url, redis_url=redis_url))
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output)
        try:
            wait_until(lambda: count(app, Account) > 0, what="the first accounts")
        finally:
            process.kill()
            process.wait(10)
    made = count(app, Account)

    repeated = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=200)

    assert 0 < made < LINES
    assert f"Created {LINES - made}, skipped {made}, refused 0." in repeated.stdout
    assert (repeated.returncode, count(app, Account)) == (0, LINES)
    subscribers = {"users", "notifications"}
    with app.app_context():
        told = dict(db.session.execute(db.text("SELECT subscriber, count(*) FROM outbox GROUP BY 1")).all())
        db.session.rollback()
    assert told == dict.fromkeys(subscribers & set(told), LINES)
    assert told
