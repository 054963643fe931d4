"""A limit that is moved on all the time is late once, and only when nothing moved it."""

import asyncio

from shared.serving.deadline import Deadline


async def test_a_limit_that_is_reached_is_told_once() -> None:
    late = asyncio.Event()
    deadline = Deadline(asyncio.get_running_loop(), late.set)

    deadline.set(0.01)
    await late.wait()
    late.clear()
    await asyncio.sleep(0.03)

    assert not late.is_set()


async def test_a_later_limit_moves_it_on_and_an_earlier_one_back() -> None:
    loop = asyncio.get_running_loop()
    told: list[float] = []
    done = asyncio.Event()

    def note() -> None:
        told.append(loop.time())
        done.set()

    deadline = Deadline(loop, note)
    began = loop.time()
    deadline.set(0.01)
    deadline.set(0.2)
    await done.wait()
    done.clear()
    deadline.set(60)
    deadline.set(0.01)
    async with asyncio.timeout(10):
        await done.wait()

    assert told[0] - began >= 0.2
    assert len(told) == 2


async def test_what_came_or_ended_is_never_late() -> None:
    late = asyncio.Event()
    cleared, ended = (Deadline(asyncio.get_running_loop(), late.set) for _ in range(2))

    for deadline in (cleared, ended):
        deadline.set(0.01)
    cleared.clear()
    ended.end()
    await asyncio.sleep(0.05)

    assert not late.is_set()
