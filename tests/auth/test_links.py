"""Where the links of mails lead: to the gateway's pages, or to the team's own."""

import pytest
from flask import Flask
from pydantic import HttpUrl

from services.auth.settings import AuthSettings
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson


@pytest.fixture
def settings(settings: AuthSettings, request: pytest.FixtureRequest) -> AuthSettings:
    return settings.model_copy(update={"links_url": getattr(request, "param", None)})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (None, "http://127.0.0.1:8080/verify-email?lang=de#token="),
        (
            HttpUrl("https://app.example.org/account"),
            "https://app.example.org/account/verify-email?lang=de#token=",
        ),
    ],
    indirect=["settings"],
)
def test_link_leads_where_the_pages_are_in_the_language_of_the_mail(
    app: Flask, stranger: NewPerson, mailbox: Mailbox, expected: str
) -> None:
    stranger().post("register", email="ada@example.org", password=PASSWORD, locale="de")

    assert mailbox.newest("verify_email")["link"].startswith(expected)
