"""What mails call a device: words of our own, whatever the User-Agent says."""

import pytest

from services.notifications.rendering.device_names import name_of
from tests.notifications.mails import render

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
EVIL = "call +49 30 1234 or see https://evil.example at once"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (WINDOWS + CHROME, "Chrome, Windows"),
        (f"{WINDOWS}{CHROME} Edg/156.0.0.0", "Edge, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox, Linux"),
        (f"Mozilla/5.0 (Linux; Android 15; K) {CHROME}", "Chrome, Android"),
        (f"{IPHONE}Version/19.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        (f"{IPHONE}CriOS/156.0 Mobile/15E148 Safari/604.1", "Chrome, iPhone"),
        ("python-httpx/0.28.1", "Python"),
        ("curl/8.5.0", "curl"),
        ("", "unknown"),
        (EVIL, "unknown"),
        (f"Firefox {EVIL}", "Firefox"),
    ],
)
def test_device_is_named_in_our_own_words(user_agent: str, name: str) -> None:
    assert name_of(user_agent, "en") == name


@pytest.mark.parametrize("template", ["new_device", "refresh_token_reused", "passkey_copied"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_thief_does_not_write_into_the_mail_that_warns_of_him(template: str, locale: str) -> None:
    where = {"ip": "203.0.113.7", "device": EVIL, "time": "2026-01-02 03:04 UTC"}

    rendered = render(template, locale, where)

    assert "evil" not in rendered.text + rendered.html + rendered.subject
    assert {"en": "unknown", "de": "unbekannt"}[locale] in rendered.text
