"""Which tests one worker of pytest-xdist runs in turns: those of a file, and all that start whole backends.

A file's fixtures are made once then, and two cores never carry several backends at once. The mark that
pytest-xdist has for this goes unheeded, without a word, since pytest 9.2 (pytest-dev/pytest-xdist#1386).
"""

from xdist.scheduler import LoadScopeScheduling

WHOLE_BACKENDS = "tests/system/"


class ByFile(LoadScopeScheduling):
    """A file, or the folder of whole backends, is one unit of work; those of most tests begin."""

    def _split_scope(self, nodeid: str) -> str:
        return WHOLE_BACKENDS if nodeid.startswith(WHOLE_BACKENDS) else nodeid.partition("::")[0]
