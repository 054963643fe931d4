"""Hashes of other systems: understood, bounded, checked, and replaced at the first sign-in."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import bcrypt
import pytest
from argon2 import PasswordHasher, Type
from flask import Flask
from werkzeug.security import generate_password_hash

from services.auth.deps import deps
from services.auth.models import HAS_PASSWORD, HASH_PARAMETERS, Account, db
from services.auth.passwords import foreign_hashes
from services.auth.passwords.foreign_hashes import HashNotSupported, scrypt
from services.auth.passwords.hashing import Passwords
from services.auth.store import accounts
from tests.auth.conftest import PASSWORD, NewPerson

ADA = "ada@example.org"
SECRET = PASSWORD.encode()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def django_pbkdf2() -> str:
    found = hashlib.pbkdf2_hmac("sha256", SECRET, b"salt", 1000)
    return f"pbkdf2_sha256$1000$salt${b64(found)}"


def passlib_pbkdf2() -> str:
    salt = bytes(range(240, 256))  # no text; its base64 has a +
    found = hashlib.pbkdf2_hmac("sha512", SECRET, salt, 1000)
    salt_text, digest_text = (b64(raw).rstrip("=").replace("+", ".") for raw in (salt, found))
    return f"$pbkdf2-sha512$1000${salt_text}${digest_text}"


def django_scrypt() -> str:
    return f"scrypt$salt$1024$8$1${b64(scrypt(SECRET, b'salt', n=1024, r=8, p=1, length=64))}"


def phc_scrypt() -> str:
    found = scrypt(SECRET, b"salt-of-16-bytes", n=1024, r=8, p=1, length=32)
    return f"$scrypt$ln=10,r=8,p=1${b64(b'salt-of-16-bytes').rstrip('=')}${b64(found).rstrip('=')}"


def django_bcrypt_sha256() -> str:
    digest = hashlib.sha256(SECRET).hexdigest().encode()
    return "bcrypt_sha256$" + bcrypt.hashpw(digest, bcrypt.gensalt(4)).decode()


# Firebase's own published example (firebase/scrypt): password "user1password".
FIREBASE = (
    "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,"
    "sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
    "$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)


SCHEMES: dict[str, Callable[[], str]] = {
    "bcrypt": lambda: bcrypt.hashpw(SECRET, bcrypt.gensalt(4)).decode(),
    "bcrypt 2y": lambda: bcrypt.hashpw(SECRET, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    "django bcrypt": lambda: "bcrypt$" + bcrypt.hashpw(SECRET, bcrypt.gensalt(4)).decode(),
    "django bcrypt sha256": django_bcrypt_sha256,
    "django pbkdf2": django_pbkdf2,
    "passlib pbkdf2": passlib_pbkdf2,
    "django scrypt": django_scrypt,
    "django argon2": lambda: "argon2" + PasswordHasher(1, 1024, 1).hash(PASSWORD),
    "werkzeug pbkdf2": lambda: generate_password_hash(PASSWORD, "pbkdf2:sha256:1000"),
    "werkzeug scrypt": lambda: generate_password_hash(PASSWORD, "scrypt:1024:8:1"),
    "phc scrypt": phc_scrypt,
    "argon2i": lambda: PasswordHasher(1, 1024, 1, type=Type.I).hash(PASSWORD),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_hash_tells_the_password_from_others(scheme: str) -> None:
    parsed = foreign_hashes.parse(SCHEMES[scheme]())

    assert parsed.matches(SECRET)
    assert not parsed.matches(b"another")


def test_firebase_hash_is_understood() -> None:
    assert foreign_hashes.parse(FIREBASE).matches(b"user1password")
    assert not foreign_hashes.parse(FIREBASE).matches(b"another")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "$1$abc$def",
        "$2b$31$" + "a" * 53,
        "pbkdf2_sha256$99999999$salt$aGFzaA==",
        "scrypt:67108864:8:1$salt$00",
        "scrypt:1000:8:1$salt$00",
        "scrypt:1024:200:1$salt$00",
        "$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=65536,t=1000,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        "argon2$nonsense",
    ],
)
def test_unknown_or_ruinous_hash_is_refused(text: str) -> None:
    with pytest.raises(HashNotSupported):
        foreign_hashes.parse(text)


@pytest.mark.parametrize("scheme", ["bcrypt", "django pbkdf2", "werkzeug scrypt"])
def test_first_sign_in_replaces_the_hash(
    app: Flask,
    new_account: NewPerson,
    change_account: Callable[..., UUID],
    scheme: str,
) -> None:
    ada = new_account()
    change_account(ADA, password_hash=SCHEMES[scheme]())

    wrong = ada.post("login", email=ADA, password="wrong")
    ada.sign_in()
    ada.sign_in()

    assert wrong.status_code == 401
    with app.app_context():
        stored = db.session.scalars(db.select(Account.password_hash)).one()
    assert stored is not None
    assert stored.startswith("$argon2id$")


def test_damaged_hash_signs_nobody_in_and_breaks_nothing(
    new_account: NewPerson, change_account: Callable[..., UUID]
) -> None:
    ada = new_account()
    change_account(ADA, password_hash="damaged")

    assert ada.post("login", email=ADA, password=PASSWORD).json["code"] == "invalid_credentials"


OWN = "m=1024,t=1,p=1"


@pytest.mark.parametrize(
    ("stored", "has_others"),
    [
        (None, False),
        ("$argon2id$v=19$m=1024,t=1,p=1$c2FsdA$aGFzaA", False),
        ("$argon2id$v=19$m=2048,t=1,p=1$c2FsdA$aGFzaA", True),
        ("$argon2id$v=19$m=1024,t=0,p=1$c2FsdA$aGFzaA", True),
        ("pbkdf2_sha256$1000$salt$hash", True),
    ],
)
def test_hashes_of_other_systems_or_parameters_are_noticed(
    app: Flask,
    new_account: NewPerson,
    change_account: Callable[..., UUID],
    stored: str | None,
    has_others: bool,
) -> None:
    new_account("bob@example.org")
    new_account()
    change_account(ADA, password_hash=stored)

    with app.app_context():
        assert accounts.has_other_hashes(OWN) is has_others
        assert deps().passwords.parameters == OWN
        db.session.rollback()


def test_failed_sign_in_takes_as_long_as_the_slowest_while_other_hashes_are_left(
    app: Flask,
    new_account: NewPerson,
    change_account: Callable[..., UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_account()
    least: list[float] = []

    def is_right(_self: Passwords, *_arguments: Any, at_least_seconds: float) -> bool:
        least.append(at_least_seconds)
        return False

    monkeypatch.setattr(Passwords, "is_right", is_right)
    client = app.test_client()
    body = {"email": "nobody@example.org", "password": "a guess"}

    client.post("/api/v1/auth/login", json=body)
    change_account(ADA, password_hash="$argon2id$v=19$m=2048,t=1,p=1$c2FsdA$aGFzaA")
    client.post("/api/v1/auth/login", json=body)

    assert least == [0.0, 0.5]


def test_question_whether_other_hashes_are_left_is_answered_by_its_index(app: Flask) -> None:
    question = (
        f"EXPLAIN SELECT {HASH_PARAMETERS} FROM accounts WHERE {HAS_PASSWORD}"
        f" ORDER BY {HASH_PARAMETERS} LIMIT 1"
    )

    with app.app_context():
        db.session.execute(db.text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(db.session.scalars(db.text(question)))

    assert "ix_accounts_hash_parameters" in plan
