"""Every queue has a worker, and whoever is said to hear a message handles it."""

from importlib import import_module

import pytest
from ruamel.yaml import YAML

from deploy.processes import SERVICES
from deploy.work import worker_options
from shared.contracts import queues
from shared.contracts.messages import all_messages
from tests.repository.samples import ROOT


def test_every_queue_has_a_worker() -> None:
    taken = {queue for service in SERVICES for queue in worker_options(service, 1, "INFO")["queues"]}

    assert taken == {queue for names in queues.QUEUES.values() for queue in names}


def test_compose_runs_a_worker_of_every_service() -> None:
    services = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]

    commands = [service.get("command") for service in services.values()]

    assert [name for name in SERVICES if ["work", name] not in commands] == []
    assert [name for name in SERVICES if ["migrate", name] not in commands] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_subscription_has_its_handler_and_no_handler_waits_in_vain(service: str) -> None:
    handled = set(import_module(f"services.{service}.tasks").HANDLERS)

    assert handled == {kind for kind, hearers in queues.SUBSCRIBERS.items() if service in hearers}


def test_every_message_states_who_hears_it() -> None:
    assert set(queues.SUBSCRIBERS) == set(all_messages().values())
