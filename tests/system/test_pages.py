"""Every command, request and file on the pages for readers works as it stands, against one running Doorward.

Only the addresses are moved, since ports of tests are free ones, and `docker compose run` has a stand-in.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Page

from shared.chassis.testing.engines import wait_until
from tests.browsers import open_browser, serving_page
from tests.deploy.conftest import Runner
from tests.system import journey, pages, quick_doorward, typist
from tests.system.pages import FRONT_END, HOURS, OTHER_PAGES, Reader
from tests.system.test_browser_factors import Authenticators

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PROGRAMS = {"metrics-and-alerts.md": ("promtool",)}  # that a page needs, beside those of any system
IMPORT = """async (text) => {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  window.doorward = await import(url);
}"""
IMPORTED = re.compile(r"^import \{(.*)\} from .*$", re.MULTILINE)
# Those of this release: ix_profiles_name_trigrams stays for the release before alone.
TRIGRAMS = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%trgm%'"
    " AND indexname <> 'ix_profiles_name_trigrams' ORDER BY indexname"
)
# What the export reads, as Supabase has it.
SUPABASE = """
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid, email text, encrypted_password text, raw_user_meta_data jsonb,
  email_confirmed_at timestamptz, banned_until timestamptz, created_at timestamptz, deleted_at timestamptz);
CREATE TABLE auth.mfa_factors (user_id uuid, factor_type text, status text, secret text);
INSERT INTO auth.users VALUES ('6f1f5d0e-7c8e-4f57-9a63-0a8f1f0d2b11', 'ada@supabase-example.org',
  '$2b$10$/BPXVF6/7JKUI4iX8I/m0ukQ6z5p.UtnGlivXILQT1SSyDMQKubN.', '{"name": "Ada"}', now(), NULL,
  '2024-03-01 10:00:00+01', NULL), (NULL, '', NULL, NULL, NULL, NULL, now(), NULL)
"""


@pytest.fixture(scope="module")
def app_port() -> Iterator[int]:
    """The port of the reader's own app: an empty page."""
    with serving_page() as port:
        yield port


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, app_port: int) -> Iterator[Runner]:
    """Doorward as `make up` runs it, with what the pages put into `.env`."""
    folder = tmp_path_factory.mktemp("pages") / "data"
    wanted = pages.variables(pages.FOLLOWED).replace("5173", str(app_port))
    folder.with_suffix(".env").write_text(wanted)
    runner = Runner(folder)
    try:
        yield runner.start_until_ready()
    finally:
        runner.stop()


@pytest.fixture(scope="module")
def doorward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The program `doorward`, whose start costs next to nothing."""
    address = tmp_path_factory.mktemp("doorward") / "calls"
    with quick_doorward.answering(address):
        yield quick_doorward.client(address)


@pytest.fixture
def reader(runner: Runner, doorward: str, tmp_path: Path) -> Reader:
    """Somebody with a checkout beside this Doorward."""
    environment = {name: runner.environment[name] for name in ("DOORWARD_DATA_DIR", "DOORWARD_ENV_FILE")}
    addresses = pages.addresses(runner.state["environment"])
    reader = Reader(tmp_path, addresses=addresses, environment=environment)
    reader.borrow_checkout(doorward=doorward)
    return reader


@pytest.fixture
def admin_reader(runner: Runner, reader: Reader) -> Reader:
    """The reader, with the access token of an administrator."""
    email, url = journey.new_address(), runner.gateway_url
    reader.run(f".venv/bin/doorward create-admin --email {email} --password '{journey.PASSWORD}'")
    body = {"email": email, "password": journey.PASSWORD}
    pair = journey.expect(httpx.post(f"{url}/api/v1/auth/login", json=body, timeout=30), 200)
    return reader.knowing(ADMIN=pair["access_token"])


@pytest.mark.parametrize("newcomer", HOURS)
def test_first_hour_goes_as_the_pages_say(newcomer: str, reader: Reader) -> None:
    # From an empty machine: python -m tests.system.first_hour.
    for page in HOURS[newcomer]:
        follow(reader, page)


@pytest.mark.parametrize("page", OTHER_PAGES)
def test_commands_and_requests_of_a_page_work_as_they_stand(page: str, reader: Reader) -> None:
    follow(reader, page)


def follow(reader: Reader, page: str) -> None:
    """Do what the page says; skipped where a program that it names is missing."""
    if not pages.is_installed(*PROGRAMS.get(page, ())):
        pytest.skip(f"{page} needs {PROGRAMS[page]}")
    reader.follow(pages.blocks(page))


@pytest.fixture
def browser_page(app_port: int) -> Iterator[Page]:
    """The reader's app in Chromium, with an authenticator for passkeys."""
    with open_browser() as browser:
        page = browser.new_page()
        page.goto(f"http://localhost:{app_port}")
        yield page


@pytest.mark.browser
def test_scripts_of_the_front_end_page_work_in_a_browser(
    runner: Runner, reader: Reader, browser_page: Page
) -> None:
    steps = [block for block in pages.blocks(FRONT_END) if block.language == "js"]
    client = next(block for block in steps if block.file == "doorward.js")
    usage = "".join(block.text for block in steps if block.file is None)
    usage = IMPORTED.sub(r"const {\1} = window.doorward;", usage)
    Authenticators(browser_page)
    browser_page.on("dialog", lambda dialog: typist.answer(dialog, mailbox))
    mailbox = f"http://127.0.0.1:{runner.state['environment']['MAILBOX_PORT']}"
    problems: list[str] = []
    browser_page.on(
        "console", lambda message: problems.append(message.text) if "Assertion" in message.text else None
    )

    browser_page.evaluate(IMPORT, reader.moved(client.text))
    browser_page.evaluate(f"async () => {{ {usage} }}")

    assert problems == []


def test_vite_s_configuration_is_a_module(tmp_path: Path) -> None:
    (block,) = [block for block in pages.blocks(FRONT_END) if block.file == "vite.config.js"]
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    (tmp_path / "vite.config.mjs").write_text(block.text)

    script = "import('./vite.config.mjs').then((it) => console.log(JSON.stringify(it.default)))"
    outcome = subprocess.run([node, "-e", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert json.loads(outcome.stdout)["server"]["proxy"]["/api"]["target"] == "http://127.0.0.1:8080"


def test_export_from_supabase_writes_what_the_page_shows(runner: Runner) -> None:
    sql, shown = (
        next(block.text for block in pages.blocks("coming-from-supabase.md") if block.file == name)
        for name in ("export.sql", "accounts.ndjson")
    )
    environment = runner.state["environment"]

    with psycopg.connect(environment["AUTH_DATABASE_URL"]) as connection:
        connection.execute(SUPABASE)
        with connection.cursor().copy(sql.encode()) as copy:
            lines = b"".join(copy).decode()
        connection.rollback()

    assert [json.loads(line) for line in lines.splitlines()] == [json.loads(shown)]


def test_events_have_the_shape_that_the_page_shows(admin_reader: Reader) -> None:
    steps = pages.blocks("events.md")
    (shown,) = [json.loads(block.text) for block in steps if block.language == "json"]
    answers: list[dict[str, Any]] = []

    def has_events() -> bool:
        answers[:] = [json.loads(admin_reader.follow(steps))]
        return bool(answers[0]["items"])

    wait_until(has_events, what="an event of the account that was made")
    assert answers[0].keys() == shown.keys()
    assert answers[0]["items"][0].keys() == shown["items"][0].keys()


def test_trigrams_that_come_later_are_those_of_the_migration(runner: Runner) -> None:
    (block,) = pages.blocks("users.md")
    url = runner.state["environment"]["USERS_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        migrated = connection.execute(TRIGRAMS).fetchall()
        if not migrated:
            pytest.skip("this PostgreSQL has no pg_trgm")
        connection.execute("DROP EXTENSION pg_trgm CASCADE")

        for statement in block.text.split(";\n")[:-1]:
            connection.execute(statement.encode())

        assert connection.execute(TRIGRAMS).fetchall() == migrated
