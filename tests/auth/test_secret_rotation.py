"""auth's own secret, and the shared one, are rotated in three steps: nothing held or sealed is lost.

The same steps lead from the release before, where the shared secret was all there was.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import text

from deploy.cli import doorward
from services.auth import sealed, secret_check
from services.auth.app import create_app
from services.auth.models import db
from services.auth.sessions.refresh_tokens import RefreshTokens
from services.auth.settings import AuthSettings
from shared.chassis import service_tokens
from shared.chassis.resealing import Report, reseal
from shared.chassis.sealing import SealBroken
from shared.chassis.settings import SettingsError
from shared.chassis.testing.tokens import OWN_SECRET, SECRET, bearer
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_second_factors import challenge, enable_totp

OLD, NEW = SECRET, "the-next-secret-of-more-than-thirty-two-bytes"
THIRD = "a third secret that nobody has ever used for anything"
# auth's own beside each: they are rotated together here.
OWN = {OLD: OWN_SECRET, NEW: f"own {NEW}", THIRD: f"own {THIRD}"}
STEPS = ([OLD], [OLD, NEW], [NEW, OLD], [NEW])
NewProcess = Callable[..., Flask]


@pytest.fixture
def process(app: Flask, settings: AuthSettings) -> Iterator[NewProcess]:
    """``process(NEW, OLD)``: auth with these secrets, the current one first, on the same database."""
    made = []

    def make(current: str, *previous: str, **changes: object) -> Flask:
        secrets = {
            "jwt_secret_key": SecretStr(current),
            "jwt_previous_secret_keys": [*map(SecretStr, previous)],
            "secret_key": SecretStr(OWN[current]),
            "previous_secret_keys": [SecretStr(OWN[secret]) for secret in previous],
        }
        made.append(create_app(settings.model_copy(update={**secrets, **changes})))
        return made[-1]

    yield make
    for each in made:
        with each.app_context():
            db.engine.dispose()


def at(worker: Flask, person: Person) -> Person:
    """The same person, calling another process."""
    return Person(worker.test_client(), person.email, pair=person.pair)


def do_reseal(worker: Flask) -> Report:
    with worker.app_context():
        return reseal(sealed.DATABASE, sealed.COLUMNS, worker.extensions["doorward_settings"])


def test_what_the_release_before_sealed_is_opened_and_moved(
    settings: AuthSettings, process: NewProcess, new_account: NewPerson
) -> None:
    """There the shared secret sealed all of it, which is what this process is set to."""
    ada = new_account()
    before = process(OLD, secret_key=SecretStr(OLD), previous_secret_keys=[])
    with before.app_context():
        db.session.execute(text("DELETE FROM kept_keys"))  # its own process sealed them otherwise
        db.session.commit()
    ada = at(before, ada).sign_in()
    generator, _ = enable_totp(ada)

    upgraded = process(OLD, secret_key=SecretStr(NEW), previous_secret_keys=[SecretStr(OLD)])
    held = at(upgraded, ada)
    assert held.refresh().status_code == 200
    do_reseal(upgraded)
    alone = at(process(OLD, secret_key=SecretStr(NEW), previous_secret_keys=[]), ada)

    assert alone.refresh().status_code == 401  # its token is of before
    assert alone.post("mfa/verify", mfa_token=challenge(alone), code=generator.now()).status_code == 200


def test_the_shared_secret_opens_nothing_of_auth(process: NewProcess, new_account: NewPerson) -> None:
    ada = at(process(OLD), new_account())
    session = ada.refresh().json["refresh_token"]
    ours = RefreshTokens([OWN[OLD]]).read(session)

    forged = ada.post("refresh", refresh_token=RefreshTokens([OLD]).write(ours))

    assert forged.status_code == 401
    assert ada.refresh(session).status_code == 200


def test_a_start_with_a_secret_that_opens_nothing_is_refused(
    settings: AuthSettings, new_account: NewPerson
) -> None:
    new_account()
    other = settings.model_copy(update={"secret_key": SecretStr(NEW)})
    absent = settings.model_copy(update={"database_url": SecretStr("postgresql://127.0.0.1:1/none")})

    secret_check.check(settings)
    secret_check.check(absent)  # whether it answers is what /readyz says
    with pytest.raises(SettingsError, match=r"^AUTH_SECRET_KEY: cannot decrypt .* AUTH_PREVIOUS_SECRET_KEYS"):
        secret_check.check(other)


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_each_way_to_start_says_so_in_one_sentence(
    settings: AuthSettings, new_account: NewPerson, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    new_account()
    variables = {
        "JWT_SECRET_KEY": SECRET,
        "AUTH_SECRET_KEY": NEW,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "AUTH_DATABASE_URL": settings.database_url.get_secret_value(),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        doorward.main([command, "auth"], standalone_mode=False)

    assert "AUTH_SECRET_KEY" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_shared_secret_is_refused_as_auth_s_own(settings: AuthSettings) -> None:
    """But in the first step of a rotation, which leads from the one to the other."""
    values = {**settings.model_dump(), "secret_key": settings.jwt_secret_key}

    with pytest.raises(ValueError, match="AUTH_SECRET_KEY must not be JWT_SECRET_KEY"):
        AuthSettings(**values)

    assert AuthSettings(**{**values, "previous_secret_keys": [NEW]}).own_secrets == [SECRET, NEW]


@pytest.mark.parametrize("step", [0, 1, 2])
def test_tokens_pass_between_neighbouring_steps_both_ways(
    process: NewProcess, new_account: NewPerson, step: int
) -> None:
    ada = new_account()
    one, other = process(*STEPS[step]), process(*STEPS[step + 1])
    do_reseal(one)  # the second step's is the one that the third needs

    for here, there in ((one, other), (other, one)):
        person = at(here, ada).sign_in()
        assert at(there, person).call("GET", "sessions").status_code == 200
        assert at(there, person).refresh().status_code == 200


def test_all_that_people_hold_survives(process: NewProcess, new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    key = ada.call("POST", "api-keys", name="mine", scopes=["account"]).json["key"]
    generator, codes = enable_totp(ada)
    ada.post("password/forgot", email=ada.email)
    mailed = mailbox.token("password_reset")
    between = at(process(NEW, OLD), ada)
    ada = between.take(between.refresh())

    report = do_reseal(between.client.application)
    new = at(process(NEW), ada)

    assert report.resealed >= 2  # the key of codes and the authenticator's secret
    assert report.unreadable == 0
    assert new.refresh().status_code == 200
    assert new.post("mfa/verify", mfa_token=challenge(new), code=generator.now()).status_code == 200
    assert new.post("mfa/verify", mfa_token=challenge(new), code=codes[0]).status_code == 200
    assert (
        new.post("password/reset", token=mailed, password=PASSWORD + "!", keep_api_keys=True).status_code
        == 204
    )
    internal = bearer(
        service_tokens.issue(new.client.application.extensions["doorward_settings"], process="x")
    )
    exchanged = new.client.post("/internal/api-keys/exchange", json={"key": key}, headers=internal)
    assert exchanged.status_code == 200


@pytest.mark.usefixtures("stopped_clock")
def test_counts_of_failures_do_not_begin_anew(process: NewProcess, new_account: NewPerson) -> None:
    ada = new_account()
    limited = {"free_failed_sign_ins": 2}
    old, new = process(OLD, NEW, **limited), process(NEW, OLD, **limited)

    answers = [
        Person(worker.test_client(), ada.email).post("login", email=ada.email, password="wrong").status_code
        for worker in (old, old, new)
    ]

    assert answers == [401, 401, 429]


def test_a_request_is_not_done_twice_across_the_change(process: NewProcess, new_account: NewPerson) -> None:
    ada = new_account()
    headers = {**ada.headers, "Idempotency-Key": "k-1"}
    workers = [process(OLD), process(OLD, NEW), process(NEW, OLD), process(OLD, NEW)]
    body = {"name": "mine", "scopes": ["account"]}

    answers = [w.test_client().post("/api/v1/auth/api-keys", json=body, headers=headers) for w in workers]
    other = (
        workers[2].test_client().post("/api/v1/auth/api-keys", json={**body, "name": "x"}, headers=headers)
    )

    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json["key"] for answer in answers}) == 1
    assert other.json["code"] == "idempotency_key_reused"


def test_registering_twice_across_the_change_keeps_the_password(
    process: NewProcess, stranger: NewPerson, mailbox: Mailbox
) -> None:
    eve = stranger("eve@example.org")
    body = {"email": eve.email, "password": PASSWORD, "name": "Eve"}
    eve.post("register", **body)
    mailbox.messages()
    between = at(process(NEW, OLD), eve)
    between.post("register", **body)
    code = mailbox.code("verify_email", eve.email)

    assert between.post("verify-email", email=eve.email, code=code).status_code == 200
    assert between.sign_in().pair


def test_resealing_is_repeated_without_harm_and_says_what_it_cannot_open(
    process: NewProcess, new_account: NewPerson
) -> None:
    enable_totp(new_account())
    both = process(NEW, OLD)

    first, second = do_reseal(both), do_reseal(both)
    other = do_reseal(process(THIRD))

    assert (second.resealed, second.current) == (0, first.resealed + first.current)
    assert (other.resealed, other.current, other.unreadable) == (0, 0, second.current)


def test_a_process_that_cannot_open_its_key_is_not_ready(process: NewProcess, new_account: NewPerson) -> None:
    new_account()
    too_early = process(NEW)

    answer = too_early.test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json["checks"] == {"database": "pass", "secrets": "fail"}
    with too_early.app_context(), pytest.raises(SealBroken):
        too_early.extensions["doorward_auth"].codes.hash("x", "y")


def test_signing_keys_are_sealed_anew(process: NewProcess, new_account: NewPerson) -> None:
    ada = new_account()
    by_keys = {"jwt_algorithms": ["EdDSA"]}
    before = at(process(OLD, **by_keys), ada).sign_in()
    both = process(NEW, OLD, **by_keys)

    assert at(process(NEW, **by_keys), ada).client.get("/readyz").status_code == 503
    do_reseal(both)
    after = at(process(NEW, **by_keys), ada).sign_in()

    assert at(process(NEW, **by_keys), before).call("GET", "sessions").status_code == 200
    assert after.call("GET", "sessions").status_code == 200


def test_codes_from_before_the_database_had_its_key_are_still_taken(
    app: Flask, process: NewProcess, new_account: NewPerson
) -> None:
    ada = new_account()
    _, codes = enable_totp(ada)
    hasher = app.extensions["doorward_auth"].codes
    with app.app_context():
        account_id = db.session.execute(text("SELECT id FROM accounts")).scalar_one()
        purpose, plain = f"recovery:{account_id}", codes[0].replace("-", "")
        own, former = hasher.hashes(purpose, plain)
        change = text("UPDATE recovery_codes SET code_hash = :former WHERE code_hash = :own")
        assert db.session.execute(change, {"former": former, "own": own}).rowcount == 1
        db.session.commit()

    between = at(process(NEW, OLD), ada)

    assert between.post("mfa/verify", mfa_token=challenge(between), code=codes[0]).status_code == 200
