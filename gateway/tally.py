"""Observations of a histogram, written together: prometheus_client takes one at a time.

The only module that looks inside prometheus_client.
"""

from bisect import bisect_left

from prometheus_client import Histogram


class Tally:
    """Observations of one series of a histogram that are not written yet."""

    __slots__ = ("_bounds", "_counts", "_series", "_sum")

    def __init__(self, series: Histogram) -> None:
        self._series = series
        self._bounds: list[float] = series._upper_bounds
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def write(self) -> None:
        """Write what ``observe`` would have written for each."""
        for bucket, count in zip(self._series._buckets, self._counts, strict=True):
            if count:
                bucket.inc(count)
        self._series._sum.inc(self._sum)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0
