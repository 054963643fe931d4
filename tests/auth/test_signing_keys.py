"""auth's own keys: published before they sign, accepted while their tokens live, agreed on by all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
import time_machine
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from services.auth.app import create_app
from services.auth.commands import signing_keys as key_commands
from services.auth.models import AuditEvent, db
from services.auth.settings import AuthSettings
from services.auth.signing_keys import key_pairs, keyring, rotation
from services.auth.store import signing_keys as store
from services.auth.store.signing_keys import KeyPair
from shared.chassis.clock import utcnow
from shared.chassis.sealing import Sealer
from shared.chassis.signing_keys import NotAPublicKey, key_id, public_jwk, read_jwk
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET, bearer
from tests.auth.conftest import NewPerson, Person
from tests.auth.locks import waiting

LEAD = 60
KEY_SET = "/.well-known/jwks.json"
NewWorker = Callable[..., Flask]


@pytest.fixture(autouse=True)
def _read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time travel moves the date and not the clock by which a worker reads the keys again."""
    monkeypatch.setattr(keyring, "READ_AGAIN_SECONDS", 0)


@pytest.fixture
def new_worker(app: Flask, settings: AuthSettings) -> Iterator[NewWorker]:
    """``new_worker("EdDSA")``: another process of auth on the same database, signing by these algorithms."""
    workers = []

    def make(*algorithms: str, **changes: object) -> Flask:
        worker = create_app(settings.model_copy(update={"jwt_algorithms": list(algorithms), **changes}))
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        with worker.app_context():
            db.engine.dispose()


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(utcnow() + timedelta(seconds=seconds), tick=True)


def rotate(worker: Flask, algorithm: str | None = None) -> None:
    with worker.app_context():
        rotation.rotate(algorithm)


def published(worker: Flask) -> list[dict[str, str]]:
    return list(worker.test_client().get(KEY_SET).json["keys"])


def names(worker: Flask) -> set[str]:
    return {key["kid"] for key in published(worker)}


def sign_in(worker: Flask, email: str = "ada@example.org") -> Person:
    return Person(worker.test_client(), email).sign_in()


def header(person: Person) -> dict[str, str]:
    return dict(jwt.get_unverified_header(person.pair["access_token"]))


def opens(worker: Flask, person: Person) -> bool:
    return worker.test_client().get("/api/v1/auth/sessions", headers=person.headers).status_code == 200


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_tokens_verify_by_the_published_key(
    new_account: NewPerson, new_worker: NewWorker, algorithm: str
) -> None:
    new_account()
    worker = new_worker(algorithm)

    ada = sign_in(worker)

    [jwk] = published(worker)
    assert header(ada) == {"alg": algorithm, "kid": jwk["kid"], "typ": "at+jwt"}
    key = read_jwk(jwk)
    assert jwt.decode(
        ada.pair["access_token"], key.material, algorithms=[algorithm], audience="doorward"
    )  # by anybody, with the published key alone
    assert opens(worker, ada)


def test_the_issuer_is_the_public_url_and_its_metadata_says_so(
    new_account: NewPerson, new_worker: NewWorker
) -> None:
    ada = new_account()
    worker = new_worker("HS256", scopes=["orders:read"])

    answer = worker.test_client().get("/.well-known/oauth-authorization-server")

    claims = jwt.decode(ada.pair["access_token"], options={"verify_signature": False})
    told = answer.json
    assert told["issuer"] == claims["iss"] == "http://127.0.0.1:8080"
    assert told["jwks_uri"] == f"http://127.0.0.1:8080{KEY_SET}"
    assert "orders:read" in told["scopes_supported"]
    assert told["response_types_supported"] == []
    assert "token_endpoint" not in told
    assert answer.headers["Cache-Control"] == f"public, max-age={LEAD // 2}"
    for name in ("introspection_endpoint", "revocation_endpoint", "jwks_uri"):
        path = told[name].removeprefix(told["issuer"])
        assert worker.test_client().options(path).status_code == 200  # there is such an address


@pytest.mark.parametrize("jwk", ["a key of 1024 bits", "an exponent of three"])
def test_another_rsa_key_is_none_of_ours(jwk: str) -> None:
    bits, exponent = (1024, 65_537) if "1024" in jwk else (2048, 3)
    key = rsa.generate_private_key(exponent, bits).public_key()

    with pytest.raises(NotAPublicKey, match="another size"):
        read_jwk(public_jwk("RS256", key))


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_nothing_private_is_published(new_worker: NewWorker, algorithm: str) -> None:
    answer = new_worker(algorithm).test_client().get(KEY_SET)

    members = {
        "EdDSA": {"kty", "crv", "x"},
        "ES256": {"kty", "crv", "x", "y"},
        "RS256": {"kty", "n", "e"},
    }[algorithm]
    assert [set(key) for key in answer.json["keys"]] == [{*members, "use", "alg", "kid"}]
    assert answer.headers["Cache-Control"] == f"public, max-age={LEAD // 2}"


def test_key_set_is_empty_while_the_shared_secret_signs(app: Flask, new_worker: NewWorker) -> None:
    both = new_worker("HS256", "EdDSA")

    assert [published(app), published(both)] == [[], []]


def test_workers_that_start_at_once_agree_on_the_first_key(
    app: Flask, new_worker: NewWorker, service_database: ServiceDatabases
) -> None:
    workers = [new_worker("ES256") for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        with app.app_context(), db.engine.begin() as connection:
            store.lock(connection)  # until each of them has seen that there is no key
            answers = [pool.submit(names, worker) for worker in workers]
            wait_until(lambda: waiting(service_database("auth").url) == 4, what="four that want to make it")
        found = [answer.result() for answer in answers]

    assert len(found[0]) == 1
    assert found == [found[0]] * 4


def test_a_worker_reads_the_keys_once_for_many_requests(
    new_worker: NewWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = new_worker("EdDSA")
    names(worker)
    monkeypatch.setattr(keyring, "READ_AGAIN_SECONDS", 60)
    rotate(worker)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(names(worker)), range(20)))
    monkeypatch.setattr(keyring, "READ_AGAIN_SECONDS", 0)

    assert set(found) == {1}
    assert len(names(worker)) == 2


def test_new_key_is_published_before_it_signs_and_the_old_one_stays(
    new_account: NewPerson, new_worker: NewWorker
) -> None:
    new_account()
    worker, other = new_worker("EdDSA"), new_worker("EdDSA")
    before = sign_in(worker)
    [old] = names(worker)

    rotate(other)

    with later(3):
        assert len(names(worker)) == 2
        assert header(sign_in(worker))["kid"] == old
    with later(LEAD + 1):
        after = [sign_in(worker), sign_in(other)]
        assert {header(person)["kid"] for person in after} == names(worker) - {old}
        assert all(opens(other, person) for person in [before, *after])
    with later(LEAD + 900 + 61):
        assert names(worker) == {header(after[0])["kid"]}


def test_the_shared_secret_hands_over_to_keys_and_back(new_account: NewPerson, new_worker: NewWorker) -> None:
    new_account()
    worker = new_worker("HS256", "EdDSA", "ES256")

    first = sign_in(worker)
    rotate(worker)
    with later(3):
        second = sign_in(worker)
    with later(LEAD + 1):
        third = sign_in(worker)
        rotate(worker, "ES256")
    with later(2 * LEAD + 4):
        fourth = sign_in(worker)
        rotate(worker, "HS256")
    with later(2 * LEAD + 7):
        fifth = sign_in(worker)
        found = [header(person)["alg"] for person in (first, second, third, fourth, fifth)]

        assert found == ["HS256", "HS256", "EdDSA", "ES256", "HS256"]
        assert all(opens(worker, person) for person in (first, second, third, fourth, fifth))


def test_services_accept_the_configured_algorithms_and_nothing_else(
    new_account: NewPerson, new_worker: NewWorker
) -> None:
    ada = new_account()
    by_key = sign_in(new_worker("EdDSA"))
    only_keys, only_secret, another = new_worker("EdDSA"), new_worker("HS256"), new_worker("ES256")

    assert [opens(only_keys, person) for person in (ada, by_key)] == [False, True]
    assert [opens(only_secret, person) for person in (ada, by_key)] == [True, False]
    assert [opens(another, person) for person in (ada, by_key)] == [False, False]


def test_withdrawn_key_is_refused_and_replaced_at_once(new_account: NewPerson, new_worker: NewWorker) -> None:
    new_account()
    worker = new_worker("EdDSA")
    ada = sign_in(worker)

    with worker.app_context():
        rotation.withdraw(header(ada)["kid"])

    with later(3):
        assert not opens(worker, ada)
        again = sign_in(worker)
        assert opens(worker, again)
        assert names(worker) == {header(again)["kid"]}


@pytest.mark.parametrize("rotations", [1, 2])
def test_withdrawing_the_key_that_comes_next_leaves_the_present_one_signing(
    new_account: NewPerson, new_worker: NewWorker, rotations: int
) -> None:
    new_account()
    worker = new_worker("HS256", "EdDSA")
    rotate(worker)
    with later(LEAD + 1):
        [signing] = names(worker)
        rotate(worker)
        [following] = names(worker) - {signing}
    with later(LEAD + 11):
        if rotations > 1:
            rotate(worker)
        with worker.app_context():
            rotation.withdraw(following)

    found = []
    for seconds in (LEAD + 11, 2 * LEAD + 8, 2 * LEAD + 30):
        with later(seconds):
            found.append(header(sign_in(worker))["kid"] == signing)

    assert found == [True, True, rotations == 1]


def run(worker: Flask, command: object, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setattr(key_commands, "create_app", lambda: worker)
    outcome = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    return outcome.exit_code, outcome.output


def test_commands_rotate_list_and_withdraw(new_worker: NewWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = new_worker("HS256", "EdDSA")

    _, nothing_yet = run(worker, key_commands.list_keys, monkeypatch=monkeypatch)
    code, rotated = run(worker, key_commands.rotate_keys, monkeypatch=monkeypatch)
    with later(LEAD + 3):
        _, signing = run(worker, key_commands.list_keys, monkeypatch=monkeypatch)
        back, _ = run(worker, key_commands.rotate_keys, "--algorithm", "HS256", monkeypatch=monkeypatch)
        _, retired = run(worker, key_commands.list_keys, monkeypatch=monkeypatch)
        [kid] = names(worker)
        gone, _ = run(worker, key_commands.withdraw_key, kid, monkeypatch=monkeypatch)
    with later(LEAD + 30):
        _, withdrawn = run(worker, key_commands.list_keys, monkeypatch=monkeypatch)

    assert nothing_yet == "The shared secret signs (HS256).\n"
    assert (code, back, gone) == (0, 0, 0)
    assert "published, signs from" in rotated
    assert "EdDSA  signs since" in signing
    assert "accepted until" in retired
    assert "The shared secret signs" in retired
    assert f"{kid}  EdDSA  no longer accepted" in withdrawn


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [
        (key_commands.rotate_keys, ["--algorithm", "ES256"], "JWT_ALGORITHMS does not accept ES256"),
        (key_commands.rotate_keys, [], "JWT_ALGORITHMS does not accept EdDSA"),
        (key_commands.withdraw_key, ["x"], "there is no such key"),
    ],
)
def test_commands_say_what_cannot_be(
    app: Flask, monkeypatch: pytest.MonkeyPatch, command: object, arguments: list[str], says: str
) -> None:
    code, output = run(app, command, *arguments, monkeypatch=monkeypatch)

    assert code != 0
    assert says in output


def test_rotation_and_withdrawal_are_audited(new_worker: NewWorker) -> None:
    worker = new_worker("ES256")
    [kid] = names(worker)
    rotate(worker)
    with worker.app_context():
        rotation.withdraw(kid)

        found = db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)).all()

    assert list(found) == ["signing_key_rotated", "signing_key_withdrawn"]


def test_of_several_keys_the_latest_that_may_sign_does() -> None:
    now = utcnow()
    sealer = Sealer([SECRET], "signing-key")

    def pair(since: int, until: int | None) -> KeyPair:
        times = {
            "signs_from": now + timedelta(seconds=since),
            "signs_until": None if until is None else now + timedelta(seconds=until),
            "accepted_until": None,
        }
        return KeyPair(**key_pairs.generate("EdDSA", sealer), **times)

    ended, old, new, waiting = pair(-9, -1), pair(-8, None), pair(-7, 5), pair(1, None)

    assert key_pairs.signing_at([ended, old, new, waiting], now) == new
    assert key_pairs.signing_at([ended, waiting], now) is None


def test_a_token_of_the_shared_secret_names_it(new_account: NewPerson) -> None:
    ada = new_account()

    assert header(ada) == {"alg": "HS256", "kid": key_id(SECRET), "typ": "at+jwt"}
    assert (
        ada.client.get("/api/v1/auth/sessions", headers=bearer(ada.pair["access_token"])).status_code == 200
    )
