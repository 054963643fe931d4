"""Names of header fields are worked out once and remembered: boundedly, and for whoever sends real ones."""

import pytest

from shared.serving import environ, head_lines


@pytest.mark.parametrize(
    ("names", "most"),
    [(environ._Names(), environ.MOST_NAMES), (head_lines._Prefixes(), head_lines.MOST_NAMES)],
)
def test_names_that_nobody_sends_again_keep_no_others_out(names: dict[bytes, object], most: int) -> None:
    for number in range(2 * most):
        names[b"x-junk-%d" % number]  # __missing__ works it out and remembers it

    names[b"x-real"]

    assert b"x-real" in names
    assert len(names) <= most
