"""Moving in and out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import orjson
import pyotp
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from flask import Flask

from services.auth.accounts import first_administrator
from services.auth.app import create_app
from services.auth.commands import account, accounts
from services.auth.deps import deps
from services.auth.models import Account, AuditEvent, KeptKey, db
from services.auth.settings import AuthSettings
from services.auth.store import accounts as accounts_store
from tests.auth.authenticator import Authenticator
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_passkeys import add
from tests.auth.test_passkeys import sign_in as sign_in_by_passkey
from tests.auth.test_second_factors import challenge, enable_totp

ADA = "ada@example.org"
Run = Callable[..., Any]


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(accounts, "create_app", lambda: app)
    return lambda command, *arguments: CliRunner().invoke(command, [str(each) for each in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    lines = [
        {"email": "Ada@Example.org", "password_hash": hashed, "name": "Ada", "verified": True},
        {"email": "bob@example.org", "verified": True, "roles": ["support"]},
        {"email": "ada@example.org"},
        {"email": "not an address"},
        {"email": "eve@example.org", "password_hash": "md5$abc"},
        {"email": "mal@example.org", "password_hash": "scrypt:67108864:8:1$salt$00"},
        {"email": "zoe@example.org", "surprise": 1},
    ]
    path = tmp_path / "accounts.ndjson"
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)) + b"\n\nnonsense\n")
    return path


def test_accounts_are_taken_in_with_their_hashes_and_the_others_reported(
    run: Run, file: Path, stranger: NewPerson, mailbox: Mailbox
) -> None:
    result = run(accounts.import_accounts, "--allow-roles", file)

    assert result.exit_code == 1
    assert "Created 2, skipped 1, refused 5." in result.output
    assert "bcrypt: 1" in result.output
    assert "line 4: email:" in result.output
    assert "line 9:" in result.output
    assert stranger(ADA).sign_in()
    assert len({message["account_id"] for message in mailbox.messages("account_registered")}) == 2


def test_dry_run_makes_nothing(app: Flask, run: Run, file: Path) -> None:
    result = run(accounts.import_accounts, "--allow-roles", "--dry-run", file)

    assert "Would create 2" in result.output
    with app.app_context():
        assert db.session.query(Account).count() == 0


def test_run_that_broke_off_is_repeated(run: Run, file: Path) -> None:
    run(accounts.import_accounts, "--allow-roles", file)

    assert "Created 0, skipped 3" in run(accounts.import_accounts, "--allow-roles", file).output
    assert (
        "Would create 0, skipped 3"
        in run(accounts.import_accounts, "--allow-roles", "--dry-run", file).output
    )


def test_export_can_be_taken_in_again(app: Flask, run: Run, file: Path, tmp_path: Path) -> None:
    run(accounts.import_accounts, "--allow-roles", file)
    exported = tmp_path / "exported.ndjson"

    assert run(accounts.export_accounts, exported).exit_code == 0
    with app.app_context():
        db.session.execute(db.delete(Account))
        db.session.commit()
    result = run(accounts.import_accounts, "--allow-roles", exported)

    assert (result.exit_code, "Created 2" in result.output) == (0, True)


def import_lines(run: Run, tmp_path: Path, *lines: object, options: tuple[str, ...] = ()) -> Any:
    path = tmp_path / "lines.ndjson"
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    return run(accounts.import_accounts, *options, path)


@pytest.mark.parametrize("typed", ["\ufb01sh-and-\uff43hips-93", "fish-and-chips-93"])
def test_hash_of_another_system_is_of_what_was_typed_and_of_ours_what_was_normalised(
    app: Flask, run: Run, tmp_path: Path, stranger: NewPerson, typed: str
) -> None:
    """An argon2id hash looks like ours, and is not: its password was never brought into one form."""
    plain = "\ufb01sh-and-\uff43hips-93"  # a ligature and a full-width letter
    hashed = PasswordHasher(1, 1024, 1).hash(typed)
    import_lines(run, tmp_path, {"email": ADA, "verified": True, "password_hash": hashed})
    with app.app_context():
        stored = db.session.scalars(db.select(Account.password_hash)).one()
        parameters = deps().passwords.parameters
        assert accounts_store.has_other_hashes(parameters)  # so a failed sign-in takes its least time

    assert stored == f"argon2{hashed}"
    assert stranger(ADA).post("login", email=ADA, password=plain).status_code == 200
    with app.app_context():
        assert not accounts_store.has_other_hashes(parameters)  # it was replaced


GOOD = {"email": ADA, "verified": True}
BAD_HASHES = [
    "pbkdf2_sha256$1000$salt$abcde",
    "pbkdf2_sha256$1000$salt$====",
    "pbkdf2_sha256$1000$salt$AA==",
    "pbkdf2:sha256:1000$salt$abc",
    "pbkdf2:sha256:1000$salt$ab",
    "scrypt$salt$16384$8$1$=",
    "$scrypt$ln=4,r=8,p=1$c2FsdA$A",
    "$2b$04$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvwxyzabcde",
]


@pytest.mark.parametrize(
    "line",
    [
        *({"email": "bob@example.org", "password_hash": each} for each in BAD_HASHES),
        {"email": "bob@example.org", "password_hash": "x\u0000y"},
        {"email": "bob@example.org", "roles": ["a\u0000b"]},
        {"email": "bob@example.org", "roles": ["support"]},
        {"email": "bob@example.org", "totp_secret": "not base32"},
        {"email": "bob@example.org", "id": "7"},
        {"email": "bob@example.org", "created_at": "0001-01-01T00:00:00+14:00"},
        ["bob@example.org"],
        7,
    ],
)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_bad_line_is_reported_and_costs_no_other(
    run: Run, tmp_path: Path, line: object, options: tuple[str, ...]
) -> None:
    result = import_lines(run, tmp_path, line, GOOD, options=options)

    assert result.exit_code == 1, result.output
    assert "1, skipped 0, refused 1." in result.output
    assert "line 1:" in result.output


SAME_ID = "018f0000-0000-7000-8000-000000000001"


def test_line_that_the_database_refuses_is_reported_and_costs_no_other(run: Run, tmp_path: Path) -> None:
    lines = [{"email": "bob@example.org", "id": SAME_ID}, GOOD, {"email": "zoe@example.org", "id": SAME_ID}]

    result = import_lines(run, tmp_path, *lines)

    assert result.exit_code == 1, result.output
    assert "Created 2, skipped 0, refused 1." in result.output
    assert "line 3:" in result.output


def test_ids_and_authenticators_come_along(
    run: Run, tmp_path: Path, stranger: NewPerson, mailbox: Mailbox
) -> None:
    secret = pyotp.random_base32()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()

    import_lines(run, tmp_path, {**GOOD, "id": SAME_ID, "totp_secret": secret, "password_hash": hashed})

    ticket = stranger().post("login", email=ADA, password=PASSWORD).json["mfa_token"]
    answer = stranger().post("mfa/verify", mfa_token=ticket, code=pyotp.TOTP(secret).now())
    assert answer.status_code == 200
    assert {message["account_id"] for message in mailbox.messages("account_verified")} == {SAME_ID}


def test_factors_move_to_another_doorward(
    app: Flask,
    run: Run,
    settings: AuthSettings,
    tmp_path: Path,
    new_account: NewPerson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its database has other keys; ids, and so everything that is tied to them, stay."""
    ada, authenticator = new_account(), Authenticator()
    generator, codes = enable_totp(ada)
    assert add(ada, authenticator).status_code == 201
    path = tmp_path / "out.ndjson"
    run(accounts.export_accounts, path, "--factors")
    with app.app_context():
        db.session.execute(db.delete(Account))
        db.session.execute(db.delete(KeptKey))
        db.session.commit()
    other = create_app(settings)
    monkeypatch.setattr(accounts, "create_app", lambda: other)

    result = run(accounts.import_accounts, path)

    eve = Person(other.test_client(), ADA)
    ticket, again = challenge(eve), challenge(eve)
    assert (result.exit_code, "Created 1" in result.output) == (0, True), result.output
    assert eve.post("mfa/verify", mfa_token=ticket, code=codes[3]).status_code == 200
    assert eve.post("mfa/verify", mfa_token=again, code=codes[3]).status_code == 400  # it was used
    assert eve.post("mfa/verify", mfa_token=again, code=generator.now()).status_code == 200
    assert sign_in_by_passkey(eve, authenticator).status_code == 200
    with other.app_context():
        db.engine.dispose()


def test_recovery_codes_come_as_their_owner_has_them(run: Run, tmp_path: Path, stranger: NewPerson) -> None:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    line = {**GOOD, "totp_secret": pyotp.random_base32(), "password_hash": hashed}

    import_lines(run, tmp_path, {**line, "recovery_codes": ["ABCD-1234", "efgh-5678"]})

    eve = stranger(ADA)
    assert eve.post("mfa/verify", mfa_token=challenge(eve), code="abcd1234").status_code == 200


KEY = "ab" * 32
PASSKEY = {"credential_id": "AAEC", "public_key": "pQECAyYgASFYIA"}


@pytest.mark.parametrize(
    "member",
    [
        {"recovery_codes": ["ABCD-1234"]},
        {"totp_secret": "JBSWY3DPEHPK3PXP", "recovery_code_hashes": [KEY]},
        {"totp_secret": "JBSWY3DPEHPK3PXP", "recovery_code_hashes": [KEY], "id": SAME_ID},
        {"totp_secret": "JBSWY3DPEHPK3PXP", "recovery_code_hashes": [KEY], "recovery_code_key": KEY},
        {"recovery_code_key": "xyz"},
        {"passkeys": [PASSKEY]},
        {"passkeys": [{**PASSKEY, "credential_id": "a+b/"}]},
        {"passkeys": [{**PASSKEY, "credential_id": "A"}]},
        {"passkeys": [{**PASSKEY, "public_key": "A" * 9000}]},
        {"passkeys": ["phone"]},
    ],
)
def test_factors_that_could_never_be_used_are_reported(
    run: Run, tmp_path: Path, member: dict[str, object]
) -> None:
    result = import_lines(run, tmp_path, {**GOOD, **member}, {"email": "bob@example.org"})

    assert "Created 1, skipped 0, refused 1." in result.output, result.output
    assert "line 1:" in result.output


def test_passkey_that_is_known_already_costs_its_line_alone(
    run: Run, tmp_path: Path, new_account: NewPerson
) -> None:
    ada, authenticator = new_account(), Authenticator()
    add(ada, authenticator)
    run(accounts.export_accounts, tmp_path / "out.ndjson", "--factors")
    [passkey] = orjson.loads((tmp_path / "out.ndjson").read_bytes())["passkeys"]

    result = import_lines(
        run, tmp_path, {"email": "bob@example.org", "passkeys": [passkey]}, {"email": "c@example.org"}
    )

    assert "Created 1, skipped 0, refused 1." in result.output, result.output


def test_import_and_its_roles_are_in_the_audit_log(app: Flask, run: Run, tmp_path: Path) -> None:
    import_lines(run, tmp_path, {**GOOD, "roles": ["admin"]}, options=("--allow-roles",))

    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).where(AuditEvent.action == "account_imported")).one()
    assert (event.actor_kind, event.actor_id, event.details) == ("operator", None, {"roles": ["admin"]})


def test_export_is_for_its_owner_alone_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    import_lines(run, tmp_path, {**GOOD, "totp_secret": "JBSWY3DPEHPK3PXP"})
    path = tmp_path / "out.ndjson"

    first = run(accounts.export_accounts, path)
    again = run(accounts.export_accounts, path)
    factors = run(accounts.export_accounts, path, "--overwrite", "--factors")

    assert [first.exit_code, again.exit_code, factors.exit_code] == [0, 2, 0]
    assert first.output == "Wrote 1 accounts.\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert orjson.loads(path.read_bytes())["totp_secret"] == "JBSWY3DPEHPK3PXP"


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_export_that_fails_leaves_what_was_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    def give_out(*, with_factors: bool) -> Iterator[bytes]:
        yield b"{}"
        raise OSError("the database went away")

    monkeypatch.setattr(accounts.exports, "give_out", give_out)
    path = tmp_path / "out.ndjson"
    if options:
        path.write_text("of last week")

    result = run(accounts.export_accounts, path, *options)

    left = [(each.name, each.read_text()) for each in tmp_path.iterdir()]
    assert isinstance(result.exception, OSError)
    assert left == ([("out.ndjson", "of last week")] if options else [])


def test_export_replaces_no_file_that_came_meanwhile(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.ndjson"

    def give_out(*, with_factors: bool) -> Iterator[bytes]:
        path.write_text("of another command")
        yield b"{}"

    monkeypatch.setattr(accounts.exports, "give_out", give_out)

    result = run(accounts.export_accounts, path)

    assert (result.exit_code, path.read_text()) == (2, "of another command")
    assert list(tmp_path.iterdir()) == [path]


def test_all_accounts_are_announced_again(run: Run, tmp_path: Path, mailbox: Mailbox) -> None:
    import_lines(run, tmp_path, GOOD, {"email": "bob@example.org"})
    before = [len(mailbox.messages(name)) for name in ("account_registered", "account_verified")]

    result = run(accounts.resync)

    after = [len(mailbox.messages(name)) for name in ("account_registered", "account_verified")]
    assert "Announced 2 accounts." in result.output
    assert after == [2 * count for count in before]


def test_operator_helps_an_account_by_its_address(
    app: Flask, monkeypatch: pytest.MonkeyPatch, new_account: NewPerson, mailbox: Mailbox
) -> None:
    monkeypatch.setattr(account, "create_app", lambda: app)
    ada = new_account()
    enable_totp(ada)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(account.account, arguments)
        return f"{result.exit_code} {result.output}"

    said = {
        name: run(name, ADA) for name in ("find", "show", "sign-out", "reset-factors", "unblock", "disable")
    }
    refused = ada.post("login", email=ADA, password=PASSWORD).status_code
    said["enable"] = run("enable", ADA)
    let_in = ada.post("login", email=ADA, password=PASSWORD).status_code
    nobody = run("show", "nobody@example.org")
    nonsense = run("show", "nonsense")

    assert [name for name, text in said.items() if not text.startswith("0 ") or ADA not in text] == []
    assert (refused, let_in) == (403, 200)
    assert nobody.startswith("1 ")
    assert nonsense.startswith("2 ")
    assert ada.refresh().json["code"] == "session_revoked"


def test_operator_does_not_disable_the_last_administrator(
    app: Flask, monkeypatch: pytest.MonkeyPatch, admin: Person, new_account: NewPerson
) -> None:
    monkeypatch.setattr(account, "create_app", lambda: app)
    new_account()

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(account.account, arguments)
        return result.exit_code, result.output

    shown = run("show", admin.email)[1].splitlines()
    refused = run("disable", admin.email)
    signed_in = admin.post("login", email=admin.email, password=PASSWORD).status_code
    with app.app_context():
        first_administrator.create_admin(email=ADA, password=None)
    disabled = run("disable", admin.email)

    assert (refused[0], signed_in, disabled[0]) == (1, 200, 0)
    assert "last administrator" in refused[1]
    assert "roles: admin" in shown
