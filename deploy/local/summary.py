"""What the runner says once everything is ready: where what is."""

from collections.abc import Mapping

from deploy.local.ports import HOST
from deploy.local.settings import LocalSettings


def text(settings: LocalSettings, environment: Mapping[str, str], *, seconds: float) -> str:
    """The addresses, and how to go on."""
    gateway = environment["PUBLIC_URL"].rstrip("/")
    rows = [
        ("Gateway", gateway),
        ("API docs", f"{gateway}/docs"),
        ("Console", f"{gateway}/console"),
    ]
    if settings.has_mailbox:
        rows.append(("Mailbox", f"http://{HOST}:{environment['MAILBOX_PORT']}"))
    rows.append(("Data", str(settings.data_dir.absolute())))
    lines = [f"  {name + ':':<10} {address}" for name, address in rows]
    return "\n".join(["", f"Doorward is ready ({seconds:.1f} s).", *lines, "", "Ctrl-C stops it.", ""])
