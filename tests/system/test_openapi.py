"""schemathesis over the merged OpenAPI document, against the running gateway: it tells the truth."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system import journey
from tests.system.backend import ROOT, Backend
from tests.system.conftest import StartBackend

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "documented_code",  # of the hooks
)


# Its own list, 413 and 414: a body or a query may be too long before anybody reads what is wrong with it.
REFUSALS = [
    "400",
    "401",
    "403",
    "404",
    "405",
    "406",
    "409",
    "412",
    "413",
    "414",
    "415",
    "422",
    "428",
    "429",
    "5xx",
]
CONFIGURATION = f"[checks.negative_data_rejection]\nexpected-statuses = {REFUSALS}\n"


@pytest.fixture(scope="module")
def backend(start_backend: StartBackend) -> Backend:
    """One of each process."""
    return start_backend()


def test_what_the_gateway_answers_is_what_its_document_says(backend: Backend, tmp_path: Path) -> None:
    email = journey.new_address()
    backend.command("create-admin", "--email", email, "--password", journey.PASSWORD)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.system.schemathesis_hooks",
        "DOORWARD_FUZZ_GATEWAY": backend.gateway_url,
        "DOORWARD_FUZZ_EMAIL": email,
    }
    journey.whole_document(backend.gateway_url)
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    options = ["--phases=examples,coverage,fuzzing", "--max-examples=8", "--generation-deterministic"]

    outcome = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run", f"{backend.gateway_url}/openapi.json"),
            *(f"--checks={','.join(CHECKS)}", *options, "--continue-on-failure", "--no-color"),
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )

    assert outcome.returncode == 0, failures_in(outcome.stdout)


def failures_in(report: str) -> str:
    """What went wrong, before what schemathesis only warns of."""
    lines = report.partition("= FAILURES =")[2].partition("= WARNINGS =")[0].splitlines()
    return "\n".join(line[:400] for line in lines) or report[-8000:]
