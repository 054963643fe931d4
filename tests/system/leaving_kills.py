"""A copy of one's data and a deletion, while one process is killed at each step: both end complete.

`python -m tests.system.leaving_kills` kills each service and each worker after each request, then processes
at each point of ``leaving_points``, and prints a line for each, with what is then found in databases, Redis,
pictures and logs. The tests of the suite kill some of them.
"""

import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.servers import Servers, choose_kind
from tests import traces
from tests.system.backend import SERVICES, Backend
from tests.system.journey import PASSWORD, Journey, bearer, code_in, expect, mails_to
from tests.system.killings import PATIENCE_SECONDS, AfterRequests, AtPoint, Killing, delete_due
from tests.system.leaving_points import DEATHS

AUTH = "/api/v1/auth"
ME = "/api/v1/users/me"
VICTIMS = [*SERVICES, *(f"{service}-worker-1" for service in SERVICES)]


class Leaving:
    """One account that has left something everywhere and goes, while somebody is killed on its way."""

    def __init__(self, backend: Backend, killing: Killing) -> None:
        self._backend = backend
        self._killing = killing
        self.mark = secrets.token_hex(8)  # in its name and its addresses, and in nothing else
        self.traveller = self._journey(f"ada.{self.mark}@example.com")
        self.account_id = ""

    def _journey(self, email: str) -> Journey:
        urls = self._backend.gateway_url, self._backend.mailbox_url
        return Journey(*urls, email, patience_seconds=PATIENCE_SECONDS)

    def play(self) -> None:
        """Sign up, ask for a copy, leave, and be forgotten."""
        self.traveller.register()
        self.traveller.verify()
        self._fill()
        self._copy()
        self._ask_to_leave()
        self._let_the_day_come()

    def _call(self, method: str, path: str, status: int, **options: Any) -> Any:
        headers = bearer(self.traveller.pair["access_token"])
        return expect(self.traveller.client.request(method, path, headers=headers, **options), status)

    def _fill(self) -> None:
        content, name = BytesIO(), f"Ada {self.mark}"
        Image.new("RGB", (64, 64), "red").save(content, "PNG")
        self._call("PUT", f"{ME}/avatar", 200, content=content.getvalue())
        self.account_id = self._call("PATCH", ME, 200, json={"name": name, "metadata": {"nick": name}})["id"]
        self._call("POST", f"{AUTH}/api-keys", 201, json={"name": name, "scopes": ["account"]})
        self._move()
        made = self._call("POST", "/api/v1/users/organizations", 201, json={"name": name})
        invitation = {"email": f"eve.{secrets.token_hex(8)}@example.com"}
        self._call("POST", f"/api/v1/users/organizations/{made['id']}/invitations", 202, json=invitation)

    def _move(self) -> None:
        """Another address."""
        email = f"ada.new.{self.mark}@example.com"
        self._call("POST", f"{AUTH}/email/change", 202, json={"new_email": email, "password": PASSWORD})
        self.traveller.email = email
        wait_until(lambda: bool(self._mails()), what="the code", seconds=PATIENCE_SECONDS)
        self._call("POST", f"{AUTH}/email/change/confirm", 204, json={"code": code_in(self._mails()[0])})

    def _copy(self) -> None:
        self._killing.before("copy")
        asked = self._call("POST", f"{ME}/export", 202)
        self._killing.after("copy")
        self._wait_for_mail("The copy of your data is ready")
        shown = self._call("GET", f"{ME}/export/{asked['id']}", 200)
        assert shown["status"] == "ready"
        assert set(shown["document"]) == set(SERVICES)

    def _ask_to_leave(self) -> None:
        self._killing.before("leave")
        self._call("DELETE", ME, 202, json={"password": PASSWORD})
        self._killing.after("leave")
        self._wait_for_mail("Your account will be deleted")

    def _let_the_day_come(self) -> None:
        with self._backend.postgres.connect("auth") as connection:
            connection.execute(
                "UPDATE accounts SET deletes_at = now() WHERE email = %s", [self.traveller.email]
            )
        self._killing.before("day")
        assert delete_due(self._backend) == 0
        self._killing.after("day")
        wait_until(self._is_confirmed, what="the word of every service", seconds=PATIENCE_SECONDS)
        self._backend.wait_until_quiet()

    def _mails(self) -> list[dict[str, Any]]:
        return mails_to(self._backend.mailbox_url, self.traveller.email)

    def _wait_for_mail(self, subject: str) -> None:
        def has_come() -> bool:
            return subject in [mail["subject"] for mail in self._mails()]

        wait_until(has_come, what=f"the mail {subject!r}", seconds=PATIENCE_SECONDS)

    def _is_confirmed(self) -> bool:
        confirmed = self._backend.rows(
            "users",
            "SELECT service FROM erasures WHERE account_id = %s AND confirmed_at IS NOT NULL",
            self.account_id,
        )
        return {service for (service,) in confirmed} == set(SERVICES)


def left_of(backend: Backend, leaving: Leaving) -> list[str]:
    """Where something of the account is found that should not be there."""
    marks, ids = [leaving.mark], traces.forms_of(leaving.account_id)
    found = set()
    for service in SERVICES:
        with backend.postgres.connect(service) as connection:
            named, known = (traces.in_tables(connection, each) for each in (marks, ids))
        found |= {f"the name in {service}.{table}" for table in named}
        found |= {f"{service}.{table}" for table in known} - traces.KEPT
    with backend.redis.client() as client:
        found |= {f"the name in Redis: {key}" for key in traces.in_redis(client, marks)}
        found |= {key for key in traces.in_redis(client, ids) if not traces.is_kept_in_redis(key)}
    found |= traces.in_files(backend.folder.glob("*.log"), marks)
    found |= {path.name for path in (backend.folder / "pictures").glob("**/*") if path.is_file()}
    return sorted(found)


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
        killings: dict[str, Killing] = {
            **{f"{victim} killed after each request": AfterRequests(backend, victim) for victim in VICTIMS},
            **{f"{DEATHS[point].process} at {point!r}": AtPoint(backend, point) for point in DEATHS},
        }
        for title, killing in killings.items():
            leaving = Leaving(backend, killing)
            leaving.play()
            found = left_of(backend, leaving)
            left += len(found)
            sys.stdout.write(f"{title:<60} copy and deletion complete; left: {found}\n")
            sys.stdout.flush()
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
