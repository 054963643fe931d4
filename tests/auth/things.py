"""Every single-use thing of auth, and how a crowd tries to use it: what each of them sends, and what wins.

A thing is made through the API for somebody who is signed in. Where a use needs two things (a ticket and a
code), all but the one that is meant are plenty, so that nothing else can be what stopped the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import pyotp

from tests.auth.authenticator import Authenticator
from tests.auth.conftest import PASSWORD, Mailbox, Person
from tests.auth.test_passkeys import add
from tests.auth.test_second_factors import challenge, enable_totp

CONSUMERS = 50
NEXT = "quiet-meadow-41-lantern"
Body = dict[str, Any]


@dataclass(frozen=True)
class Strike:
    """What the crowd POSTs, and the answer of who wins."""

    path: str
    bodies: Sequence[Body]
    wins: int
    loses: frozenset[int] = frozenset({400})
    token: str | None = None  # the access token that all present


Thing = Callable[[Person, Mailbox], Strike]


def _many(*bodies: Body) -> list[Body]:
    return list(islice(cycle(bodies), CONSUMERS))


def _mailed(mailbox: Mailbox, template: str, form: str, *, email: str) -> list[Body]:
    """The code of a mail, its link, or half of the crowd with the one and half with the other."""
    forms = {
        "code": {"email": email, "code": mailbox.code(template, email)},
        "link": {"token": mailbox.token(template, email)},
    }
    return _many(*([forms[form]] if form in forms else forms.values()))


def verification(form: str) -> Thing:
    """The mail that proves a new address."""

    def make(ada: Person, mailbox: Mailbox) -> Strike:
        email = f"eve.{ada.email}"
        ada.post("register", email=email, password=PASSWORD)
        return Strike("verify-email", _mailed(mailbox, "verify_email", form, email=email), 200)

    return make


def reset(form: str) -> Thing:
    """The mail that sets a password."""

    def make(ada: Person, mailbox: Mailbox) -> Strike:
        ada.post("password/forgot", email=ada.email)
        bodies = _mailed(mailbox, "password_reset", form, email=ada.email)
        return Strike("password/reset", [{**body, "password": NEXT} for body in bodies], 204)

    return make


def sign_in_mail(form: str) -> Thing:
    """The mail that signs in."""

    def make(ada: Person, mailbox: Mailbox) -> Strike:
        ada.post("email-code", email=ada.email)
        bodies = _mailed(mailbox, "sign_in_code", form, email=ada.email)
        return Strike("email-code/verify", bodies, 200)

    return make


def change_of_address(form: str) -> Thing:
    """The mail that takes a new address over."""

    def make(ada: Person, mailbox: Mailbox) -> Strike:
        ada.call("POST", "email/change", new_email=f"new.{ada.email}", password=PASSWORD)
        forms = {
            "code": {"code": mailbox.code("email_change_confirm")},
            "link": {"token": mailbox.token("email_change_confirm")},
        }
        bodies = _many(*([forms[form]] if form in forms else forms.values()))
        return Strike("email/change/confirm", bodies, 204, token=ada.pair["access_token"])

    return make


def totp_setup(ada: Person, _mailbox: Mailbox) -> Strike:
    """The first code of an authenticator, which brings it into force."""
    generator = pyotp.TOTP(ada.call("POST", "mfa/totp").json["secret"])
    bodies = _many({"code": generator.now()})
    return Strike(
        "mfa/totp/confirm", bodies, 200, loses=frozenset({400, 409}), token=ada.pair["access_token"]
    )


def mfa_ticket(ada: Person, _mailbox: Mailbox) -> Strike:
    """The ticket between the factors, with ten recovery codes that are all good."""
    _, codes = enable_totp(ada)
    ticket = challenge(ada)
    bodies = _many(*({"mfa_token": ticket, "code": code} for code in codes))
    return Strike("mfa/verify", bodies, 200, loses=frozenset({401}))


def totp_step(ada: Person, _mailbox: Mailbox) -> Strike:
    """The code of an authenticator, with a ticket for each."""
    generator, _ = enable_totp(ada)
    code = generator.now()
    bodies = [{"mfa_token": challenge(ada), "code": code} for _ in range(CONSUMERS)]
    return Strike("mfa/verify", bodies, 200)


def recovery_code(ada: Person, _mailbox: Mailbox) -> Strike:
    """A recovery code, with a ticket for each."""
    _, codes = enable_totp(ada)
    bodies = [{"mfa_token": challenge(ada), "code": codes[0]} for _ in range(CONSUMERS)]
    return Strike("mfa/verify", bodies, 200)


def passkey_adding(ada: Person, _mailbox: Mailbox) -> Strike:
    """The ceremony that adds a passkey, answered by an authenticator for each."""
    begun = ada.call("POST", "passkeys/options").json
    bodies = [
        {
            "passkey_token": begun["passkey_token"],
            "credential": Authenticator().create(begun["options"]),
            "name": f"Phone {number}",
        }
        for number in range(CONSUMERS)
    ]
    return Strike("passkeys", bodies, 201, loses=frozenset({401}), token=ada.pair["access_token"])


def passkey_sign_in(ada: Person, _mailbox: Mailbox) -> Strike:
    """The ceremony that signs in, answered with a higher count of uses each time."""
    authenticator = Authenticator()
    assert add(ada, authenticator).status_code == 201
    begun = ada.post("passkeys/login/options").json
    bodies = [
        {"passkey_token": begun["passkey_token"], "credential": authenticator.get(begun["options"])}
        for _ in range(CONSUMERS)
    ]
    return Strike("passkeys/login", bodies, 200, loses=frozenset({401}))


THINGS: dict[str, Thing] = {
    **{f"verification by {form}": verification(form) for form in ("code", "link", "either")},
    **{f"reset by {form}": reset(form) for form in ("code", "link", "either")},
    **{f"sign-in by mailed {form}": sign_in_mail(form) for form in ("code", "link", "either")},
    **{f"change of address by {form}": change_of_address(form) for form in ("code", "link", "either")},
    "setup of an authenticator": totp_setup,
    "ticket for the second factor": mfa_ticket,
    "code of an authenticator": totp_step,
    "recovery code": recovery_code,
    "adding a passkey": passkey_adding,
    "signing in by passkey": passkey_sign_in,
}
