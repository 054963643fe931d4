"""The repository is everybody's: nothing of one machine, nothing read behind the settings' back."""

import re
from pathlib import Path

from tests.repository.samples import ROOT

# Written in parts, so that this file does not find itself.
PRIVATE = re.compile(
    "|".join(
        [
            r"https?://[^ \"')]+/(?:simple|packages)/",
            "--(?:extra-)?" + "index-url",
            r"\"resolved" + '": "https?:',
            r"(?<![\w.$}-])/(?:home|Users|" + "root)/[a-z]",
            re.escape(f"{ROOT.parent}/") if len(ROOT.parent.parts) > 1 else r"(?!)",
        ]
    )
)
BINARY = {".png", ".ico", ".woff2", ".gz"}
# But for the one variable that prometheus_client itself reads.
ENVIRONMENT = re.compile(r"^(?!.*PROMETHEUS_MULTIPROC_DIR).*(os\.environ|getenv\()", re.MULTILINE)


def test_no_registry_and_no_path_of_a_machine(tracked_files: list[Path]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if PRIVATE.search(line)
    ]

    assert found == []


def test_only_the_settings_read_the_environment(tracked_files: list[Path]) -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in tracked_files
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in {"gateway", "services", "shared"}
        and "testing" not in path.parts
        and ENVIRONMENT.search(path.read_text())
    }

    assert readers == {"gateway/route_variables.py"}  # for the variables that a route file names


def test_no_file_is_a_secret(tracked_files: list[Path]) -> None:
    names = [path.name for path in tracked_files]

    assert [name for name in names if name == ".env" or name.endswith((".pem", ".key"))] == []
