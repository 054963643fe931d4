"""A tally writes what observing one by one would have written."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from gateway.tally import Tally

SECONDS = [0.0, 0.001, 0.0011, 0.5, 2.5, 11.0, 11.0]


def new_series(registry: CollectorRegistry) -> Histogram:
    return Histogram("x", "Any.", ["a"], buckets=(0.001, 0.5, 2.5), registry=registry).labels("b")


def text(registry: CollectorRegistry) -> list[bytes]:
    return [line for line in generate_latest(registry).splitlines() if b"_created" not in line]


def test_a_tally_writes_what_was_observed() -> None:
    one_by_one, together = CollectorRegistry(), CollectorRegistry()
    series, tally = new_series(one_by_one), Tally(new_series(together))

    for seconds in SECONDS:
        series.observe(seconds)
        tally.add(seconds)
    tally.write()
    tally.write()  # what is written is gone

    assert text(together) == text(one_by_one)
