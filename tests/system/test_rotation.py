"""Keys and secrets are rotated in a running backend under load, and nobody is signed out: not one 401."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.chassis.signing_keys import key_id
from shared.chassis.testing.engines import wait_until
from tests.system import journey
from tests.system.backend import OWN_SECRET, Backend, RunningProcess
from tests.system.conftest import StartBackend
from tests.system.journey import Journey
from tests.system.traffic import traffic

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

FIRST_SECRET = "the first secret of more than thirty-two bytes"
NEXT_SECRET = "the next secret of more than thirty-two bytes"
NEXT_OWN_SECRET = "the next secret of auth alone and also long enough"
PEOPLE = 4
# What a rolling restart takes at a time, so that neighbouring steps work side by side for a while.
ISSUING = ("auth", "auth-worker-1")
VERIFYING = ("gateway", "users", "users-worker-1", "notifications", "notifications-worker-1")
EVERYBODY = (*ISSUING, *VERIFYING)


@pytest.fixture(scope="module")
def backend(start_backend: StartBackend) -> Backend:
    """Two workers at the gateway and at auth, which accept everything and begin with the shared secret."""
    return start_backend(
        AUTH_WORKERS="2",
        GATEWAY_WORKERS="2",
        GATEWAY_DRAIN_SECONDS="0.2",
        JWT_SECRET_KEY=FIRST_SECRET,
        JWT_ALGORITHMS="HS256,EdDSA,ES256",
        AUTH_KEY_PUBLICATION_SECONDS="5",
    )


def test_keys_are_rotated_and_nobody_is_refused(backend: Backend) -> None:
    with traffic(backend, PEOPLE) as seen:
        for algorithm in ("EdDSA", "ES256", "HS256"):
            before = set(seen.signed_by)
            backend.command("rotate-keys", "--algorithm", algorithm)
            wait_until(
                lambda known=before, wanted=algorithm: any(  # type: ignore[misc]
                    name.startswith(wanted) and (name not in known or wanted == "HS256")
                    for name, _ in seen.signed_by.most_common()
                ),
                what=f"tokens by {algorithm}",
                seconds=30,
            )

    assert seen.refused == []
    assert [status for status in seen.statuses if status != 200 and status < 500] == []
    assert seen.algorithms() == {"HS256", "EdDSA", "ES256"}
    assert len(seen.signed_by) == 3  # two keys and the secret


def test_the_secrets_are_rotated_and_nobody_is_refused(backend: Backend) -> None:
    newcomers = []
    with traffic(backend, PEOPLE) as seen:
        accepted = _secrets((FIRST_SECRET, NEXT_SECRET), (OWN_SECRET, NEXT_OWN_SECRET))
        changed = _secrets((NEXT_SECRET, FIRST_SECRET), (NEXT_OWN_SECRET, OWN_SECRET))
        dropped = _secrets((NEXT_SECRET, ""), (NEXT_OWN_SECRET, ""))
        steps = ((EVERYBODY, accepted), (ISSUING, changed), (VERIFYING, changed))
        newcomers += [_restart(backend, group, step) for group, step in steps]
        backend.command("reseal", "all")
        # In life this takes days: everybody has refreshed, and no older access token is left.
        wait_until(lambda: seen.keys_held() == {key_id(NEXT_SECRET)}, what="the last old token", seconds=30)
        newcomers.append(_restart(backend, ("auth", "users", "gateway"), dropped))

    assert seen.refused == []
    assert seen.statuses[200] > 50
    for newcomer in newcomers:
        newcomer.verify()  # its mail was sealed by one process and opened by another


def _secrets(shared: tuple[str, str], own: tuple[str, str]) -> dict[str, str]:
    """The shared secret and auth's own, each with the one that is accepted beside it."""
    return {
        "JWT_SECRET_KEY": shared[0],
        "JWT_PREVIOUS_SECRET_KEYS": shared[1],
        "AUTH_SECRET_KEY": own[0],
        "AUTH_PREVIOUS_SECRET_KEYS": own[1],
    }


def _restart(backend: Backend, group: tuple[str, ...], environment: dict[str, str]) -> Journey:
    """Restart these processes with another environment; somebody who has registered since."""
    backend.environment.update(environment)
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(lambda name: backend.each(RunningProcess.stop, name), group):
            pass
    backend.each(RunningProcess.start, *group)
    journey.wait_until_ready(backend.gateway_url)
    newcomers: list[Journey] = []  # each from an address of his own: refusals count against its limit

    def is_registered() -> bool:
        newcomers.append(Journey(backend.gateway_url, backend.mailbox_url))
        return _takes_registration(newcomers[-1])

    wait_until(is_registered, what="a registration")
    return newcomers[-1]


def _takes_registration(newcomer: Journey) -> bool:
    body = {"email": newcomer.email, "password": journey.PASSWORD, "name": "Ada Lovelace"}
    return newcomer.client.post("/api/v1/auth/register", json=body).status_code == 202
