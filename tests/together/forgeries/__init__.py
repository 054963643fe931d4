"""Forged, bent and broken access tokens: what an attacker could send, with and without a key of ours.

Each case is a token that no verifier may take. Where it is signed by a key of ours, only its content is
wrong: a verifier must not lean on auth never writing such a thing.
"""

import base64

from tests.together.forgeries.algorithms import confused, crossed, foreign, unsigned
from tests.together.forgeries.contents import claimed
from tests.together.forgeries.headers import embedded, extended, headed, typed
from tests.together.forgeries.keys import Keys
from tests.together.forgeries.spellings import mended, spelt

SOURCES = (
    unsigned, confused, crossed, foreign, embedded, extended, typed, claimed, headed, spelt, mended,
)  # fmt: skip


def forgeries(keys: Keys) -> dict[str, str]:
    """Every case by its name."""
    found: dict[str, str] = {}
    for source in SOURCES:
        for name, forged in source(keys):
            found[f"{name} ({len(found)})" if name in found else name] = forged
    return found


def bent_headers(genuine: str, other: str) -> dict[str, list[bytes]]:
    """The values of Authorization in which a genuine token stands, but not as one bearer token."""
    good, second = genuine.encode(), other.encode()
    return {
        "no scheme": [good],
        "another scheme": [b"Token " + good],
        "Basic": [b"Basic " + base64.b64encode(b"x:" + good)],
        "scheme alone": [b"Bearer"],
        "scheme and a space": [b"Bearer "],
        "scheme grown": [b"Bearers " + good],
        "no space": [b"Bearer" + good],
        "a tab for a space": [b"Bearer\t" + good],
        "a colon": [b"Bearer: " + good],
        "a word behind": [b"Bearer " + good + b" x"],
        "a word before": [b"Bearer x " + good],
        "a parameter": [b"Bearer " + good + b"; x=y"],
        "by name": [b"Bearer token=" + good],
        "two in one": [b"Bearer " + good + b", Bearer " + second],
        "two schemes in one": [b"Basic eDp5, Bearer " + good],
        "twice alike": [b"Bearer " + good, b"Bearer " + good],
        "twice": [b"Bearer " + good, b"Bearer " + second],
        "good and bad": [b"Bearer " + good, b"Bearer x"],
        "bad and good": [b"Bearer x", b"Bearer " + good],
        "good and Basic": [b"Bearer " + good, b"Basic eDp5"],
        "nothing and good": [b"", b"Bearer " + good],
        "a letter that is none": [b"Bearer \xe4" + good],
    }
