"""What passkeys and authenticator apps call the account: the product, or the domain."""

import pytest
from flask import Flask

from services.auth.settings import AuthSettings
from tests.auth.conftest import NewPerson


@pytest.fixture
def settings(settings: AuthSettings, request: pytest.FixtureRequest) -> AuthSettings:
    return settings.model_copy(update={"brand_name": request.param})


@pytest.mark.parametrize(
    ("settings", "name", "issuer"),
    [("Ada: Books & Co", "Ada: Books & Co", "Ada%20%20Books%20%26%20Co"), ("", "localhost", "localhost")],
    indirect=["settings"],
)
def test_passkey_and_authenticator_have_the_name_of_the_product(
    app: Flask, new_account: NewPerson, name: str, issuer: str
) -> None:
    ada = new_account()

    options = ada.call("POST", "passkeys/options").json["options"]
    authenticator = ada.call("POST", "mfa/totp").json

    assert options["rp"] == {"id": "localhost", "name": name}
    assert authenticator["otpauth_uri"].startswith(f"otpauth://totp/{issuer}:")
    assert f"issuer={issuer}" in authenticator["otpauth_uri"]
