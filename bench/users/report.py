"""What was measured, as lines: rates, times, processor time, and how they compare."""

from statistics import median

from bench.users.bounds import COLD, DOWN, OWN, PEER, Loads, ratios


def write(loads: Loads, *, fewest: int) -> None:
    """Print a line for each."""
    head = f"{'a second':>9}{'median':>11}{'p99':>11}{'processor':>12}"
    print(f"{'':<19}{'profiles':>10} {'':<10}{head}")
    for (what, profiles, who), measured in loads.items():
        load = measured.load
        times = f"{load.median_ms:8.2f} ms{load.p99_ms:8.2f} ms{measured.cost_ms:9.3f} ms"
        notes = "; ".join(_notes(loads, what, profiles, who, fewest=fewest))
        print(f"{what:<19}{profiles:>10,} {who:<10}{load.per_second:>9,.0f}{times}  {notes}")


def _notes(loads: Loads, what: str, profiles: int, who: str, *, fewest: int) -> list[str]:
    measured = loads[what, profiles, who]
    load = measured.load
    notes = [f"{load.busy} times busy"] if load.busy else []
    peer = loads.get((what, profiles, PEER))
    if who == OWN and peer is not None and (found := ratios(measured, peer)):
        notes.append(f"{median(found):.2f} times the peer's rate ({min(found):.2f} to {max(found):.2f})")
        notes.append(f"the peer takes {peer.cost_ms / measured.cost_ms:.2f} times the processor time")
    if what == DOWN and (cold := loads.get((COLD, profiles, who))) is not None:
        notes.append(f"p99 is {load.p99_ms - cold.load.p99_ms:+.2f} ms to cold")
    if profiles != fewest:
        slower = load.median_ms / loads[what, fewest, who].load.median_ms
        notes.append(f"takes {slower:.2f} times as long as {fewest:,}")
    return notes
