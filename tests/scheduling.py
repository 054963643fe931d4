"""Which tests one worker of pytest-xdist runs in turns: those of a file, and all that start whole backends.

A file's fixtures are made once then, and two cores never carry several backends at once. The mark that
pytest-xdist has for this goes unheeded, without a word, since pytest 9.2 (pytest-dev/pytest-xdist#1386).
"""

from xdist.scheduler import LoadScopeScheduling

WHOLE_BACKENDS = ("tests/system/", "tests/testkit/")


class ByFile(LoadScopeScheduling):
    """A file, or the folders of whole backends together, is one unit of work; those of most tests begin."""

    def _split_scope(self, nodeid: str) -> str:
        is_whole = nodeid.startswith(WHOLE_BACKENDS)
        return WHOLE_BACKENDS[0] if is_whole else nodeid.partition("::")[0]
