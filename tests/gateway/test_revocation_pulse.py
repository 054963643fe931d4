"""The pulse decides whether revocations arrive: by silence, by what Redis refuses, by what is missing."""

import orjson
import pytest

from gateway.revocation_pulse import SILENCE_SECONDS, Pulse


def beat(newest: int, *, is_stored: bool = True) -> bytes:
    return orjson.dumps({"newest": newest, "is_stored": is_stored})


def test_silence_is_bad_after_less_than_five_seconds() -> None:
    pulse = Pulse(100.0)
    pulse.take(beat(1), 103.0)

    assert pulse.is_good(103.0 + SILENCE_SECONDS - 0.1)
    assert not pulse.is_good(103.0 + SILENCE_SECONDS)
    assert SILENCE_SECONDS < 5


def test_connection_on_which_no_pulse_ever_comes_is_bad() -> None:
    assert not Pulse(100.0).is_good(105.0)


def test_redis_that_stores_nothing_is_bad_until_it_does() -> None:
    pulse = Pulse(100.0)

    pulse.take(beat(1, is_stored=False), 101.0)
    assert not pulse.is_good(101.0)
    pulse.take(beat(2), 102.0)
    assert pulse.is_good(102.0)


def test_revocation_that_has_not_arrived_has_the_set_read_once() -> None:
    pulse = Pulse(100.0)

    assert pulse.take(beat(7), 101.0)  # told before this connection: the set was read after it was opened
    pulse.note(8)
    assert pulse.take(beat(8), 102.0)
    assert not pulse.take(beat(9), 103.0)
    assert pulse.take(beat(9), 104.0)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"newest": "x", "is_stored": true}', b"\xff"])
def test_pulse_that_cannot_be_read_is_silence(text: bytes) -> None:
    pulse = Pulse(100.0)

    pulse.take(text, 103.0)

    assert not pulse.is_good(105.0)
