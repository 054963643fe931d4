"""Mails in a real browser: the brand in both parts, readable in light and dark, in one language each."""

import re
from typing import Any

import pytest

from services.notifications.rendering import built_in, phrases, rendering
from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.settings import NotificationsSettings
from services.notifications.templating import looks as mail_looks
from shared.chassis import colors
from tests import looks
from tests.browsers import open_browser
from tests.notifications.mails import version
from tests.notifications.test_rendering import WRITTEN, sample

# Words that only one of the languages has.
ENGLISH = re.compile(r"\b(the|you|your|this|with|sign|click|please)\b", re.IGNORECASE)
UNWANTED = re.compile(
    r"müssen Sie nichts tun|Wenn Sie sich nicht angemeldet|need not do anything|e-mail address"
)


def settings(**values: Any) -> NotificationsSettings:
    required = {
        "jwt_secret_key": "a secret of more than thirty-two bytes, for tests",
        "redis_url": "redis://localhost",
        "public_url": "https://accounts.example.org",
        "database_url": "postgresql://a:b@localhost/c",
        "smtp_host": "localhost",
        "mail_from": "no-reply@example.org",
    }
    return NotificationsSettings(**{**required, **values})


@pytest.mark.parametrize(("locale", "name"), WRITTEN)
def test_mail_speaks_one_language(locale: str, name: str) -> None:
    (source,) = [built_in.source(name).languages[locale].blocks]
    said = re.sub(r"\{[{%].*?[%}]\}", " ", source)

    assert UNWANTED.search(said) is None
    assert locale == "en" or ENGLISH.search(said) is None


def test_sender_has_the_name_of_the_product_unless_it_has_its_own() -> None:
    plain = settings(brand_name="Ada & Co")
    named = settings(brand_name="Ada & Co", mail_from="Accounts <no-reply@example.org>")

    assert plain.sender == ("Ada & Co", "no-reply@example.org")
    assert named.sender == ("Accounts", "no-reply@example.org")


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_brand_of_the_settings_is_in_both_parts(language: str) -> None:
    look = settings(brand_name="Ada & Co", brand_color="#ffd400", brand_support="help@example.org").look

    mail = rendering.render(version("verify_email"), language, sample("verify_email"), look)

    assert mail.text.rstrip().endswith(f"{phrases.HELP[language]} help@example.org")
    assert 'href="mailto:help@example.org"' in mail.html
    assert "Ada &amp; Co" in mail.html
    (button,) = re.findall(r'class="button" [^>]*style="([^"]*)"', mail.html)
    assert {"background: #ffd400", "color: #000000"} <= set(button.split(";"))


def test_colors_are_mixed_once_for_all_mails(monkeypatch: pytest.MonkeyPatch) -> None:
    look = settings(brand_color="#ffd400").look
    first = rendering.render(version("verify_email"), "en", sample("verify_email"), look)

    monkeypatch.delattr(colors, "contrast")  # which every mixture needs

    assert rendering.render(version("verify_email"), "en", sample("verify_email"), look) == first


@pytest.mark.browser
def test_mails_can_be_read_by_everybody() -> None:
    """`python -m tests.screenshots` looks at each of them in every language, scheme and size."""
    look = mail_looks.look(
        name="Ada & Co", color="#ffd400", footer="Ada & Co, 1 Road", support="help@example.org"
    )
    given = dict(zip(("verify_email", "password_was_reset", "message"), phrases.LANGUAGES[1:], strict=True))
    found: dict[str, list[str]] = {}
    with open_browser() as browser:
        page = browser.new_page()
        for name, language in given.items():
            values = sample(name) | ({"link": "https://x.example"} if name == "message" else {})
            page.set_content(rendering.render(version(name), language, values, look).html)
            for scheme, size in zip(looks.SCHEMES, looks.SIZES, strict=True):
                looks.show(page, scheme, size)
                found[f"{name} {scheme}"] = looks.findings(page)

    assert set(given) <= set(TEMPLATES)
    assert {name: grave for name, grave in found.items() if grave} == {}
