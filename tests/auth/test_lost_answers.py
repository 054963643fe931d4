"""A short run of ``lost_answers``."""

from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.databases import ServiceDatabases
from tests.auth.lost_answers import Simulation
from tests.auth.oracles import app_on

SESSIONS = 25


def test_lost_answers_sign_nobody_out_and_copies_end_their_sessions(
    service_database: ServiceDatabases, private_redis: PrivateRedis
) -> None:
    with app_on(service_database("auth"), private_redis.url()) as app:
        simulation = Simulation(app, private_redis, size=SESSIONS, seed=1)
        simulation.run()

    assert simulation.seen["answers lost"] > SESSIONS
    assert simulation.seen["signed out"] == 0
    assert simulation.seen["copies that ended their session"] == SESSIONS
