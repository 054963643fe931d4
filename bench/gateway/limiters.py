"""What a limit costs a request: Flask-Limiter on Redis beside the gateway's own, one worker, one Redis.

``python -m bench.gateway.limiters``: microseconds for each request with one limit, medians of three rounds.
"""

import asyncio
import statistics
from collections.abc import Callable
from time import perf_counter

from flask import Flask
from flask_limiter import Limiter as FlaskLimiter

from gateway.exchange import Exchange
from gateway.limits.limiter import RouteLimiter
from gateway.policies.limits import Limit
from shared.chassis import tracing
from shared.chassis.testing.servers import Servers

REQUESTS = 3_000
AT_ONCE = 32  # as many as a busy worker has under way; Flask-Limiter blocks, so for it there is one at a time
ROUNDS = 3


def flask_limiter(redis_url: str) -> float:
    """Seconds for each request in a Flask hook, as the extension is meant to be used."""
    app = Flask(__name__)
    limiter = FlaskLimiter(lambda: "caller", storage_uri=redis_url, default_limits=["1000000 per minute"])
    limiter.init_app(app)
    app.add_url_rule("/", view_func=lambda: "")
    with app.test_request_context("/"):
        app.preprocess_request()
        began = perf_counter()
        for _ in range(REQUESTS):
            limiter.context.reset()
            app.preprocess_request()
        return (perf_counter() - began) / REQUESTS


def own(redis_url: str, slack: float) -> float:
    """Seconds for each request through ``gateway.limits``."""
    return asyncio.run(_own(redis_url, Limit("leased" if slack else "exact", 1_000_000, 60, slack=slack)))


async def _own(redis_url: str, limit: Limit) -> float:
    limiter = RouteLimiter(redis_url, timeout_seconds=1, workers=1)
    await limiter.start()
    trace = tracing.continue_from(None, None)

    async def caller() -> None:
        for _ in range(REQUESTS // AT_ONCE):
            exchange = Exchange({}, None, trace)  # type: ignore[arg-type]
            exchange.address = "127.0.0.1"
            await limiter.admit(exchange, (limit,))

    began = perf_counter()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    seconds = perf_counter() - began
    await limiter.stop()
    return seconds / (REQUESTS // AT_ONCE * AT_ONCE)


def main() -> None:
    """Measure and print."""
    servers = Servers("embedded")
    url = servers.redis.url()
    contestants: dict[str, Callable[[], float]] = {
        "Flask-Limiter on Redis": lambda: flask_limiter(url),
        "gateway, Redis asked for each": lambda: own(url, 0),
        "gateway, leased": lambda: own(url, 0.02),
    }
    rounds = [{name: run() for name, run in contestants.items()} for _ in range(ROUNDS)]
    servers.close()
    medians = {name: statistics.median(one[name] for one in rounds) for name in contestants}
    first = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(f"{name:32} {seconds * 1e6:7.1f} us   {first / seconds:5.1f}x")


if __name__ == "__main__":
    main()
