"""How much memory each process takes, for docs/deployment.md: ``python -m tests.system.sizing``.

It starts a whole Doorward as `make up` does, and prints the proportional set size of each process with its
children, in MiB: after the start, and after some sign-ups and more sign-ins at once than auth can check.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.deploy.conftest import Runner
from tests.system import journey
from tests.system.journey import Journey

SIGN_UPS, AT_ONCE = 20, 60
SETTINGS = {
    "GATEWAY_TRUSTED_PROXY_COUNT": "1",  # so that many clients can speak
    "MAILBOX_PORT": "8025",
}
MAILBOX = "http://127.0.0.1:8025"


def sizes(processes: Mapping[str, int]) -> dict[str, float]:
    """The MiB of each process with its children, by name."""
    return {name: sum(map(_own, _family(pid))) for name, pid in sorted(processes.items())}


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _own(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0]) / 1024
    raise ValueError(f"the kernel does not say the set size of {pid}")


def load(gateway_url: str) -> None:
    """Sign some accounts up, and sign all of them in at once, several times each."""
    travellers = [Journey(gateway_url, MAILBOX) for _ in range(SIGN_UPS)]
    for one in travellers:
        one.register()
        one.verify()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        body = [{"email": one.email, "password": journey.PASSWORD} for one in travellers]
        clients = [journey.open_client(gateway_url) for _ in range(AT_ONCE)]
        path = "/api/v1/auth/login"
        calls = [pool.submit(one.post, path, json=body[i % SIGN_UPS]) for i, one in enumerate(clients)]
        assert {call.result().status_code for call in calls} <= {200, 503}


def main() -> None:
    """Measure twice, and print a table."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the database server is nobody, who has to pass through
        runner = Runner(folder / "data", **SETTINGS)
        try:
            runner.start_until_ready()
            before = sizes(runner.processes)
            load(runner.gateway_url)
            after = sizes(runner.processes)
        finally:
            runner.stop()
    for name in before:
        print(f"{name:22} {before[name]:5.0f} {after[name]:5.0f}")  # noqa: T201
    ours = before.keys() - {"mailbox"}
    print(  # noqa: T201
        f"{'without the mailbox':22} {sum(before[n] for n in ours):5.0f} {sum(after[n] for n in ours):5.0f}"
    )


if __name__ == "__main__":
    main()
