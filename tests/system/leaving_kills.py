"""A copy of one's data and a deletion, while one process is killed at each step: both end complete.

`python -m tests.system.leaving_kills` kills each service and each worker in its turn, and prints a line for
each; then it searches databases, Redis, pictures and logs for what is left. The test of the suite kills one.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.servers import Servers, choose_kind
from tests.system.backend import ROOT, SERVICES, Backend
from tests.system.journey import PASSWORD, Journey, bearer, expect, mails_to, wait_until_ready

ME = "/api/v1/users/me"
PATIENCE_SECONDS = 120.0
VICTIMS = [*SERVICES, *(f"{service}-worker-1" for service in SERVICES)]
# What auth's worker does now and then: the trial does not wait for it.
DELETE_DUE = """
from services.auth.accounts import deletions
from services.auth.app import create_app
from shared.chassis.clock import utcnow
with create_app().app_context():
    deletions.delete_due(utcnow())
"""
# What is left of a deleted account: its id.
LEFT_IN = {
    "auth": {"audit_events", "revocations"},
    "users": {"tombstones", "erasures"},
    "notifications": {"recipients", "events"},
}


class Leaving:
    """One account that goes, and the process that is killed on its way."""

    def __init__(self, backend: Backend, victim: str) -> None:
        self._backend = backend
        self._victim = backend.processes[victim]
        self.traveller = Journey(backend.gateway_url, backend.mailbox_url, patience_seconds=PATIENCE_SECONDS)
        self.account_id = ""

    def play(self) -> None:
        """Sign up, ask for a copy, leave, and be forgotten; the victim dies after each request."""
        self.traveller.register()
        self.traveller.verify()
        self._put_picture()
        self._copy()
        self._ask_to_leave()
        self._let_the_day_come()

    def _kill(self) -> None:
        self._victim.kill()
        # The lease of a part that a killed worker had is over: the trial does not wait two minutes for that.
        with self._backend.postgres.connect("users") as connection:
            connection.execute("UPDATE export_parts SET next_attempt_at = now() WHERE collected_at IS NULL")
        self._victim.start()
        if "worker" not in self._victim.name:
            wait_until_ready(self._backend.gateway_url)

    def _headers(self) -> dict[str, str]:
        return bearer(self.traveller.pair["access_token"])

    def _put_picture(self) -> None:
        content = BytesIO()
        Image.new("RGB", (64, 64), "red").save(content, "PNG")
        client = self.traveller.client
        expect(client.put(f"{ME}/avatar", headers=self._headers(), content=content.getvalue()), 200)
        self.account_id = expect(client.get(ME, headers=self._headers()), 200)["id"]

    def _copy(self) -> None:
        client = self.traveller.client
        asked = expect(client.post(f"{ME}/export", headers=self._headers()), 202)
        self._kill()
        self._wait_for_mail("The copy of your data is ready")
        shown = expect(client.get(f"{ME}/export/{asked['id']}", headers=self._headers()), 200)
        assert shown["status"] == "ready"
        assert set(shown["document"]) == set(SERVICES)

    def _ask_to_leave(self) -> None:
        body = {"password": PASSWORD}
        answer = self.traveller.client.request("DELETE", ME, headers=self._headers(), json=body)
        expect(answer, 202)
        self._kill()
        self._wait_for_mail("Your account will be deleted")

    def _let_the_day_come(self) -> None:
        with self._backend.postgres.connect("auth") as connection:
            connection.execute(
                "UPDATE accounts SET deletes_at = now() WHERE email = %s", [self.traveller.email]
            )
        command = [sys.executable, "-c", DELETE_DUE]
        subprocess.run(command, cwd=ROOT, env=self._backend.environment, check=True, capture_output=True)
        self._kill()
        wait_until(self._is_confirmed, what="the word of every service", seconds=PATIENCE_SECONDS)
        self._backend.wait_until_quiet()

    def _wait_for_mail(self, subject: str) -> None:
        def has_come() -> bool:
            mails = mails_to(self._backend.mailbox_url, self.traveller.email)
            return subject in [mail["subject"] for mail in mails]

        wait_until(has_come, what=f"the mail {subject!r}", seconds=PATIENCE_SECONDS)

    def _is_confirmed(self) -> bool:
        confirmed = self._backend.rows(
            "users",
            "SELECT service FROM erasures WHERE account_id = %s AND confirmed_at IS NOT NULL",
            self.account_id,
        )
        return {service for (service,) in confirmed} == set(SERVICES)


def traces(backend: Backend, leaving: Leaving) -> list[str]:
    """Where something of the account is found that should not be there."""
    email = leaving.traveller.email
    marks = {email, email.partition("@")[0]}
    found = [f"{service}.{table}" for service in SERVICES for table in _tables_with(backend, service, email)]
    found += [
        f"{service}.{table}"
        for service in SERVICES
        for table in set(_tables_with(backend, service, leaving.account_id)) - LEFT_IN[service]
    ]
    found += [f"{path.name}" for path in backend.folder.glob("*.log") if _has(path.read_bytes(), marks)]
    with backend.redis.client() as client:
        keys = list(client.scan_iter())
        found += [f"Redis: {key!r}" for key in keys if _has(key + (client.dump(key) or b""), marks)]
    pictures = (path for path in (backend.folder / "pictures").glob("**/*") if path.is_file())
    return [*found, *(f"picture {path.name}" for path in pictures)]


def _has(content: bytes, marks: set[str]) -> bool:
    return any(mark.encode() in content for mark in marks)


def _tables_with(backend: Backend, service: str, mark: str) -> list[str]:
    tables = backend.rows(service, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with backend.postgres.connect(service) as connection:
        return [
            table
            for (table,) in tables
            if connection.execute(
                f'SELECT 1 FROM "{table}" AS r WHERE r::text ILIKE %s LIMIT 1',
                [f"%{mark}%"],
            ).fetchone()
        ]


@contextmanager
def _backend(folder: Path) -> Iterator[Backend]:
    pair = Servers(choose_kind())
    postgres, redis = pair.private_postgres(), pair.private_redis()
    backend = Backend(postgres=postgres, redis=redis, folder=folder)
    endings: list[Callable[[], None]] = [backend.close, redis.close, postgres.close, pair.close]
    try:
        backend.start()
        yield backend
    finally:
        for end in endings:
            end()


def main() -> int:
    """Kill each in its turn; 1 where something is left."""
    left = 0
    with tempfile.TemporaryDirectory() as name, _backend(Path(name)) as backend:
        for victim in VICTIMS:
            leaving = Leaving(backend, victim)
            leaving.play()
            found = traces(backend, leaving)
            left += len(found)
            sys.stdout.write(f"{victim:<24} killed at each step: copy and deletion complete; left: {found}\n")
            sys.stdout.flush()
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
