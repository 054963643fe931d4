"""The fields that services share: names, moments, URLs."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from marshmallow import ValidationError

from shared.chassis import names
from shared.chassis.address_field import MOST_TYPED, EmailAddress
from shared.chassis.schemas import HttpsUrl, Locale, Pattern, PersonName, Timestamp

# The name, and whether a mail may greet with it; None: refused.
NAMES = {
    "Ada Lovelace": True,
    " Ada ": True,
    "J.-R. Müller O’Neil": True,
    "नमस्ते": True,
    "Ada L. 3rd": False,
    "Call +1 800 555 0199": False,
    "evil.com": False,
    "evil。com": False,
    "https://evil.example": False,
    "You have won a prize, and it is a big one indeed": False,
    "👩\u200d👧": False,
    "42": False,
    "": None,
    "   ": None,
    "\u200b": None,
    "\u3164": None,
    "\u2800\u2800": None,
    "a\u202eb": None,
    "a\u2066b": None,
    "\ufeffAda": None,
    "a\u00adb": None,
    "a\x00b": None,
    "a\x1bb": None,
    "a\nb": None,
    "a\u2028b": None,
    "\u200d\u200d": None,
    "x" * 201: None,
}


@pytest.mark.parametrize("name", NAMES)
def test_names_can_be_seen_and_are_greeted_with_only_when_they_look_like_names(name: str) -> None:
    if NAMES[name] is None:
        with pytest.raises(ValidationError):
            PersonName().deserialize(name)
        return

    taken = PersonName().deserialize(name)

    assert taken == name.strip()
    assert names.greeting(taken) == (taken if NAMES[name] else None)


@pytest.mark.parametrize("name", [None, "", "\u3164", "\u3164\u3164"])
def test_nobody_is_greeted_by_a_name_that_shows_nothing(name: str | None) -> None:
    assert names.greeting(name) is None


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00"]
)
def test_moments_outside_the_calendar_and_without_zone_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Timestamp().deserialize(text)


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-03-29T03:30:00+14:00"]
)
def test_moments_are_in_utc_once_they_are_read(text: str) -> None:
    moment = Timestamp().deserialize(text)

    assert moment == datetime.fromisoformat(text)
    assert moment.tzinfo is UTC


URLS = {
    "https://cdn.example.org/a.png?v=1&x=%20#top": True,
    "https://cdn.example.org": True,
    "https://cdn.example.org:8443/a": True,
    "https://xn--bcher-kva.de/a": True,
    "http://cdn.example.org/a.png": False,
    "HTTPS://cdn.example.org/a": False,
    "javascript:alert(1)": False,
    "//cdn.example.org/a": False,
    "https://user:pw@cdn.example.org/a": False,
    "https://user@cdn.example.org/a": False,
    "https://cdn.example.org/a\x00": False,
    "https://cdn.example.org/a\x1b[31m": False,
    "https://cdn.example.org/\u202egnp.a": False,
    'https://cdn.example.org/"onerror=x': False,
    "https://cdn.example.org/'x": False,
    "https://cdn.example.org/<b>": False,
    "https://cdn.example.org/a b": False,
    "https://cdn.example.org\\@evil.example/": False,
    "https://localhost/a": False,
    "https://127.0.0.1/a": False,
    "https://[::1]/a": False,
    "https://0x7f.1/a": False,
    "https://cdn..example.org/": False,
    "https://cdn.example.org:99999/": False,
    "https://cdn.example.org./": False,
    "https://": False,
    "https://a_b.example.org/": False,
    "https://bücher.de/a": False,
    "https://example.org/" + "x" * 2048: False,
}


@pytest.mark.parametrize("url", URLS)
def test_urls_are_https_name_a_host_and_hide_nothing(url: str) -> None:
    if URLS[url]:
        assert HttpsUrl().deserialize(url) == url
    else:
        with pytest.raises(ValidationError):
            HttpsUrl().deserialize(url)


@pytest.mark.parametrize("field", [EmailAddress(), Locale()])
@pytest.mark.parametrize("value", [7, None, [], "x" * (MOST_TYPED + 1), "ada@app.test"])
def test_field_refuses_what_is_no_text_of_its_kind(field: EmailAddress | Locale, value: object) -> None:
    with pytest.raises(ValidationError):
        field.deserialize(value)


@pytest.mark.parametrize("text", ["editor\n", "editor x", "Editor", "", "\neditor", "9editor"])
def test_pattern_takes_the_whole_text_or_nothing(text: str) -> None:
    with pytest.raises(ValidationError, match="A role is a word"):
        Pattern("[a-z][a-z0-9]+", error="A role is a word.")(text)


def test_moment_is_written_in_utc_with_z_as_in_every_answer() -> None:
    moment = datetime(2026, 3, 1, 12, 30, 0, 250, tzinfo=timezone(timedelta(hours=2)))

    written = Timestamp().serialize("at", {"at": moment})

    assert written == "2026-03-01T10:30:00.000250Z"
    assert orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z) == f'"{written}"'.encode()
    assert Timestamp().serialize("at", {"at": None}) is None
