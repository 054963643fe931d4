"""`make bench-gateway`: gateways side by side, one worker each: same upstream, same policies, one run.

This gateway, compiled as its image runs it (limits leased, and asked of Redis each time), its sources, which
`make up` runs, FastAPI with httpx and slowapi, fastify with its http-proxy, cors, jwt and rate-limit
plug-ins, Envoy, HAProxy and Traefik with the policies that they have, and nginx's proxy_pass without any
policy as the limit of what forwarding can be. Before it is measured everybody has to show that its policies
are at work.

Wants h2load (Debian: nghttp2-client), nginx, haproxy and node, and says what it leaves out without them.
``--beside FOLDER`` adds the gateway of another checkout (beside.py).
"""

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.gateway import beside, checks, compiled, contestants, load, proxies, sockets, streams, turns
from bench.gateway.contestants import Contestant
from bench.gateway.ground import Ground, prepared
from shared.chassis.testing.engines import free_port

OWN = "doorward"
SOURCES = "doorward, its sources"
STREAMS = 5_000
STREAM_SECONDS = 5.0
NGINX_IS_HERE = shutil.which("nginx") is not None


def main() -> None:
    arguments = _arguments()
    if not load.is_h2load_here():
        print("h2load is not installed: a loop in Python makes the load, and may be the slower side")
    with prepared() as ground:
        measured = started(ground, arguments.beside, arguments.only)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        turns.report(
            turns.measure(measured, ground.headers, rounds=arguments.rounds, seconds=arguments.seconds),
            OWN,
        )
        if arguments.only is None:
            print(asyncio.run(idle_streams(ground)))
            print(asyncio.run(web_sockets(ground, rounds=arguments.rounds)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--beside", type=Path, action="append", default=[], help="another checkout")
    parser.add_argument(
        "--only", action="append", help="beside doorward only those whose name begins so, and no streams"
    )
    return parser.parse_args()


def started(ground: Ground, checkouts: list[Path], only: list[str] | None) -> list[Contestant]:
    """Every contestant that can be had, in front of one service; each showed that it does what it should."""
    service_port = free_port()
    ground.start(_service(ground, service_port))
    everybody = _everybody(ground, service_port, checkouts)
    chosen = [one for one in everybody if one.name == OWN or only is None or one.name.startswith(tuple(only))]
    for contestant in chosen:
        ground.start(contestant)
        ground.wait_for(contestant)
        if not contestant.policies:
            continue
        if wrong := checks.checked(contestant.url, load.PATH, ground.headers, contestant.policies):
            sys.exit(f"{contestant.name} is no fair comparison: it fails to do what the others do: {wrong}")
    return chosen


def _service(ground: Ground, port: int) -> Contestant:
    if NGINX_IS_HERE:
        return contestants.nginx("upstream", port, ground.folder, upstream=None)
    print("nginx is not installed: it is left out, and a server in Python stands in for it as the upstream")
    return contestants.stand_in(port)


def _everybody(ground: Ground, service_port: int, checkouts: list[Path]) -> list[Contestant]:
    options = ground.options(service_port)
    upstream, folder = options["upstream"], options["folder"]
    everybody = [
        *_doorward(options),
        *(beside.checkout(home.resolve(), free_port(), free_port(), **options) for home in checkouts),
        contestants.fastapi(free_port(), **options),
        contestants.fastify(free_port(), **options),
        proxies.traefik(free_port(), **options),
        proxies.envoy(free_port(), upstream=upstream, folder=folder),
        proxies.haproxy(free_port(), upstream=upstream, folder=folder),
    ]
    if NGINX_IS_HERE:
        everybody.append(contestants.nginx("nginx proxy_pass", free_port(), folder, upstream=service_port))
    return [one for one in everybody if one is not None]


def _doorward(options: dict[str, Any]) -> list[Contestant]:
    """This gateway: compiled, as its sources where that is not the same here, and asking Redis each time."""
    home, asking = compiled.home(), "doorward, Redis for each request"
    own = [contestants.doorward(OWN, free_port(), free_port(), slack=0.02, home=home, **options)]
    if home != contestants.ROOT:
        own.append(contestants.doorward(SOURCES, free_port(), free_port(), slack=0.02, **options))
    return [*own, contestants.doorward(asking, free_port(), free_port(), slack=0, home=home, **options)]


async def idle_streams(ground: Ground) -> str:
    """A sentence on this gateway with thousands of event streams that say nothing."""
    port = free_port()
    options = {**ground.options(port), "home": compiled.home()}
    gateway = contestants.doorward("doorward with streams", free_port(), free_port(), slack=0.02, **options)
    async with streams.streaming_upstream(port):
        ground.start(gateway)
        await asyncio.to_thread(ground.wait_for, gateway)
        found = await streams.measure(gateway, ground.headers, streams=STREAMS, seconds=STREAM_SECONDS)
    return (
        f"{STREAMS:,} idle event streams: {found.kib_each:.1f} KiB each; "
        f"p99 of other requests {found.p99_without_ms:.1f} ms without, {found.p99_with_ms:.1f} ms with them"
    )


async def web_sockets(ground: Ground, *, rounds: int) -> str:
    """A sentence on WebSocket messages: how many a second, measured in turns, and what they cost."""
    port = free_port()
    options = {**ground.options(port), "home": compiled.home()}
    own = contestants.doorward(OWN, free_port(), free_port(), slack=0.02, more=sockets.ROUTE, **options)
    several = [own]
    if NGINX_IS_HERE:
        forward = contestants.FORWARD_SOCKETS
        several.append(contestants.nginx("nginx", free_port(), ground.folder, upstream=port, forward=forward))
    async with sockets.echoing_upstream(port):
        for contestant in several:
            ground.start(contestant)
            await asyncio.to_thread(ground.wait_for, contestant)
        found = [
            [await sockets.measure(one, ground.headers, seconds=STREAM_SECONDS) for one in several]
            for _ in range(rounds)
        ]
    sentences = [
        sockets.sentence(contestant.name, [turn[index] for turn in found])
        for index, contestant in enumerate(several)
    ]
    return f"WebSocket messages of {sockets.SIZE} bytes, there and back: {'; '.join(sentences)}"


if __name__ == "__main__":
    main()
