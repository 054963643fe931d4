"""Every block of commands, requests or files on a page of `docs/` is run by a test, or has a reason here."""

from pathlib import Path

import pytest

from tests.repository.samples import ROOT
from tests.system import pages
from tests.system.pages import Block

PAGES = sorted(path.name for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("README.md")])
# Pages that tests/system/test_pages.py does not follow from top to bottom.
RUN_BY = {
    "README.md": "tests/system/readme.py, and tests.system.first_hour for `make up`",
    "adding-a-service.md": "tests/clients, and tests/system/test_compose_orders.py for containers",
    "events.md": "test_events_have_the_shape_that_the_page_shows",
    "users.md": "test_trigrams_that_come_later_are_those_of_the_migration",
}
# Blocks that no command of their page names, by the first line.
NOT_RUN = {
    "testing-against-doorward.md": {
        "import httpx": "tests/testkit runs such a test with the plugin",
        "export DOORWARD_DATA_DIR": "the test kit starts `doorward up --json` like this",
    },
    "deployment.md": {
        "accounts.example.org {": "test_proxies_of_the_pages runs Caddy with it",
        "map $http_upgrade": "test_proxies_of_the_pages runs nginx with it",
    },
    "coming-from-supabase.md": {"COPY (": "test_export_from_supabase_writes_what_the_page_shows"},
    "gateway.md": {
        "from pathlib import Path": "tests/gateway/test_own_policies.py runs the class",
        "[[routes]]": "tests/gateway/test_own_policies.py has it in a route file",
    },
    "map.md": {"routes/ | tasks.py": "a diagram"},
    "notifications.md": {
        "SendEmail (queue)": "a diagram",
        "welcome/template.toml": "names of files, as tests/notifications/test_template_files.py has them",
    },
}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_run_or_has_a_reason(page: str) -> None:
    found = pages.blocks(page)
    reasons = NOT_RUN.get(page, {})

    idle = [block for block in found if page not in RUN_BY and not is_used(block, found)]

    assert [block.place for block in idle if not block.text.startswith(tuple(reasons))] == []
    assert [first for first in reasons if not any(block.text.startswith(first) for block in idle)] == []


def is_used(block: Block, found: list[Block]) -> bool:
    """Whether it is run, or written to a file that another block names."""
    if block.page not in pages.FOLLOWED:
        return False
    if block.language == "bash" or block.file == pages.ENV:
        return True
    if block.language == "js" and block.page == pages.FRONT_END:
        return True  # in a browser
    others = " ".join(other.text for other in found if other is not block)
    return block.file is not None and Path(block.file).stem in others


def test_pages_with_tests_of_their_own_have_blocks() -> None:
    assert [page for page in RUN_BY if not pages.blocks(page)] == []
