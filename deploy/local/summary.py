"""What the runner says once everything is ready: where what is, for people or for programs."""

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from deploy.local.ports import HOST
from deploy.local.settings import LocalSettings


def text(
    settings: LocalSettings, environment: Mapping[str, str], *, seconds: float, away: Sequence[str] = ()
) -> str:
    """The addresses, the services of the route file that do not answer yet, and how to go on."""
    titles = {
        "gateway_url": "Gateway",
        "docs_url": "API docs",
        "console_url": "Console",
        "mailbox_url": "Mailbox",
        "data_dir": "Data",
    }
    places = _places(settings, environment)
    lines = [f"  {title + ':':<10} {places[name]}" for name, title in titles.items() if name in places]
    if away:
        lines.append(f"  {'Away:':<10} {', '.join(away)} (the gateway asks again every second)")
    return "\n".join(["", f"Doorward is ready ({seconds:.1f} s).", *lines, "", "Ctrl-C stops it.", ""])


def as_json(settings: LocalSettings, environment: Mapping[str, str], *, seconds: float) -> str:
    """The same as one line, with what a program needs beside: SIGTERM to ``pid`` stops everything."""
    about = {"version": version("doorward"), "pid": os.getpid(), "seconds": round(seconds, 2)}
    return json.dumps({**_places(settings, environment), **about})


def _places(settings: LocalSettings, environment: Mapping[str, str]) -> dict[str, str]:
    gateway = environment["PUBLIC_URL"].rstrip("/")
    places = {
        "gateway_url": gateway,
        "docs_url": f"{gateway}/docs",
        "console_url": f"{gateway}/console",
        "data_dir": str(settings.data_dir.absolute()),
    }
    if settings.has_mailbox:
        places["mailbox_url"] = f"http://{HOST}:{environment['MAILBOX_PORT']}"
    return places
