"""What a worker of the gateway runs beside its requests: it starts and stops with the worker, in order."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway import measures
from gateway.access_log import AccessLog
from gateway.edge_app import GatewayFlask
from gateway.limits.limiter import RouteLimiter
from gateway.receipts import Receipts
from gateway.revocations import Revocations
from gateway.settings import GatewaySettings
from gateway.token_keys import TokenKeys
from gateway.upstream.health import Health
from gateway.upstream.replicas import Service
from shared.chassis.access_tokens import published_keys
from shared.chassis.metrics import before_scrape


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """The parts that look and listen."""

    limiter: RouteLimiter
    revocations: Revocations
    receipts: Receipts
    keys: TokenKeys
    health: Health

    def run_with(self, app: GatewayFlask, access_log: AccessLog) -> None:
        """Have ``app`` start and stop them; what was counted and logged last is written at the stop."""
        keys, health, receipts = self.keys, self.health, self.receipts
        app.on_start += [health.start, self.limiter.start, self.revocations.start, receipts.start, keys.start]
        app.on_stop += [access_log.stop, measures.stop, health.stop, keys.stop, receipts.stop]
        app.on_stop += [self.revocations.stop, self.limiter.stop]
        before_scrape(app, lambda: app.on_loop(measures.stop()))


def worker_parts(settings: GatewaySettings, services: Mapping[str, Service]) -> WorkerParts:
    """The parts as ``settings`` want them; nothing runs yet."""
    redis_url = settings.redis_url.get_secret_value()
    keys = published_keys(settings, process="gateway")
    return WorkerParts(
        limiter=RouteLimiter(
            redis_url, timeout_seconds=settings.limiter_timeout_seconds, workers=settings.workers
        ),
        revocations=Revocations(redis_url),
        receipts=Receipts(redis_url),
        keys=TokenKeys(keys, is_needed=settings.has_published_keys),
        health=Health(services.values()),
    )
