"""Every mail in every language: whole, escaped, and with its code where a reader and a program find it."""

import re

import pytest
from jinja2 import UndefinedError

from services.notifications.errors import VariablesInvalid
from services.notifications.rendering import built_in, phrases, rendering
from services.notifications.rendering.catalog import OPTIONAL, TEMPLATES, check, check_complete
from services.notifications.rendering.phrases import LANGUAGES
from services.notifications.templating import looks
from services.notifications.templating.compiling import LONGEST_SUBJECT
from tests.notifications.mails import render

SAMPLE = {
    "change": "created",
    "key_name": "Nightly export",
    "name": "Ada",
    "code": "314159",
    "link": "https://accounts.example.org/verify-email#token=a&b=c",
    "minutes": "10",
    "hours": "24",
    "days": "30",
    "organization": "Acme",
    "ip": "203.0.113.7",
    "device": "Firefox",
    "time": "2026-01-02 03:04 UTC",
    "subject": "A subject",
    "text": "Some text",
}
WRITTEN = sorted((path.parent.name, path.stem) for path in looks.DIRECTORY.glob("*/*.jinja"))


def sample(name: str, /, **changes: str) -> dict[str, str]:
    template = TEMPLATES[name]
    return {key: SAMPLE[key] for key in template.required | OPTIONAL} | changes


def test_every_template_of_the_catalog_is_written_in_english_and_none_is_left_over() -> None:
    assert {name for locale, name in WRITTEN if locale == "en"} == set(TEMPLATES)
    assert {name for _, name in WRITTEN} <= set(TEMPLATES)


@pytest.mark.parametrize(("locale", "name"), WRITTEN)
def test_mail_renders_with_exactly_its_required_variables(locale: str, name: str) -> None:
    rendered = render(name, locale, sample(name))

    assert rendered.subject
    assert "\n" not in rendered.subject
    assert ("Ada" in rendered.text, "Ada" in rendered.html) == (TEMPLATES[name].greets,) * 2
    assert "{{" not in rendered.text + rendered.html + rendered.subject
    if "code" in TEMPLATES[name].required:
        assert re.findall(r"^\d{6}$", rendered.text, re.MULTILINE) == ["314159"]
        assert f"\n{SAMPLE['link']}\n" in rendered.text
        assert 'href="https://accounts.example.org/verify-email#token=a&amp;b=c"' in rendered.html


@pytest.mark.parametrize("name", TEMPLATES)
def test_missing_variable_is_an_error_and_not_a_gap(name: str) -> None:
    for missing in TEMPLATES[name].required - {"minutes", "hours", "days", "link", "code"}:
        values = {key: value for key, value in sample(name).items() if key != missing}

        with pytest.raises(UndefinedError):
            render(name, "en", values)


@pytest.mark.parametrize("name", TEMPLATES)
def test_mail_with_a_gap_is_refused_before_it_is_rendered(name: str) -> None:
    for missing in TEMPLATES[name].required:
        values = {key: value for key, value in sample(name).items() if key != missing}

        with pytest.raises(VariablesInvalid) as caught:
            check_complete(TEMPLATES[name], values)

        assert [error["pointer"] for error in caught.value.errors or []] == [f"/variables/{missing}"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_variable_of_a_newer_release_is_passed_over(name: str) -> None:
    check_complete(TEMPLATES[name], sample(name, invention="1"))


def test_every_mail_is_written_in_every_language() -> None:
    assert sorted((locale, name) for locale in LANGUAGES for name in TEMPLATES) == WRITTEN


def test_what_is_said_in_our_own_words_is_said_in_every_language() -> None:
    assert set(phrases._GREETINGS) == set(phrases.UNKNOWN_DEVICE) == set(LANGUAGES)
    assert [key for key, texts in phrases._CHANGES.items() if set(texts) != set(LANGUAGES)] == []


@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("totp_enabled", "eine Authentifizierungs-App wurde eingerichtet"),
        ("an authenticator app was set up", "eine Authentifizierungs-App wurde eingerichtet"),
        ("Call +1 800 555 0199", None),
        ("", None),
    ],
)
def test_what_changed_is_said_in_the_reader_s_language_and_in_our_own_words(
    said: str, german: str | None
) -> None:
    rendered = render("mfa_changed", "de", {"change": said})

    assert ("(" in rendered.text) == (german is not None)
    assert said not in rendered.text or not said
    assert german is None or f"({german})" in rendered.text


def test_paragraphs_are_the_same_in_text_and_html() -> None:
    text = "One <b>.\n\nTwo,\nsecond line.\n\n\nThree."

    rendered = render("message", "en", {"subject": "s", "text": text})

    assert "One <b>.\n\nTwo,\nsecond line.\n\nThree.\n" in rendered.text
    paragraphs = re.findall(r'<p dir="auto"[^>]*>(.*?)</p>', rendered.html, re.DOTALL)
    assert paragraphs == ["One &lt;b&gt;.", "Two,<br>\nsecond line.", "Three."]


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("de_DE", "de"),
        ("DE", "de"),
        ("De-at", "de"),
        ("de-1996", "de"),
        ("en-US-u-hc-h12", "en"),
        ("en-GB-oed", "en"),
        ("es-419", "es"),
        ("fr-CA", "fr"),
        ("it", "en"),
        ("", "en"),
        ("../../x", "en"),
    ],
)
def test_language_falls_back(locale: str, language: str) -> None:
    assert rendering.best_locale(built_in.source("verify_email"), locale) == language


def test_html_is_escaped_and_text_is_not() -> None:
    rendered = render("message", "en", {"subject": "a & b", "text": "<script>1</script>"})

    assert "<script>" not in rendered.html
    assert "&lt;script&gt;" in rendered.html
    assert "<script>1</script>" in rendered.text


def test_subject_stays_one_line_of_bounded_length() -> None:
    subject = "one\r\nBcc: everybody@example.org" + "x" * 1000

    rendered = render("message", "en", {"subject": subject, "text": ""})

    assert rendered.subject.startswith("one Bcc: everybody@example.org")
    assert len(rendered.subject) == LONGEST_SUBJECT


@pytest.mark.parametrize(
    "name",
    [
        "Win at https://evil.example",
        "www.evil.example",
        "evil.example",
        "evil。com",
        "a@evil.example",
        "Your bank account is locked! Call +1 800 555 0199 at once and give this code to our agent",
        "Ada 4711",
        "<b>Ada</b>",
        "{{ code }}",
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_name_that_says_something_is_left_out(name: str, language: str) -> None:
    rendered = render("password_reset", language, sample("password_reset", name=name))

    assert name not in rendered.text
    assert not any(word in rendered.text + rendered.html for word in ("evil", "800", "4711", "<b>"))


@pytest.mark.parametrize("name", ["verify_email", "account_exists"])
def test_mail_to_whoever_may_not_have_asked_for_it_has_no_word_of_a_stranger(name: str) -> None:
    assert not TEMPLATES[name].greets
    assert "Ada" not in render(name, "en", sample(name)).text


@pytest.mark.parametrize(
    ("said", "is_named"), [("Acme", True), ("Win at evil.example", False), ("Acme 42", False)]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_organization_is_named_where_its_name_can_be_no_message(
    language: str, said: str, is_named: bool
) -> None:
    values = sample("organization_invitation", organization=said)

    assert (said in render("organization_invitation", language, values).text) == is_named


def test_invitation_of_an_organization_without_a_name_is_whole() -> None:
    assert (
        "join an organization."
        in render("organization_invitation", "en", sample("organization_invitation")).text
    )


@pytest.mark.parametrize("name", ["Ada", "Zoë O'Neill-Śmith", "李雷", "Анна", "שלום"])
def test_name_that_is_one_is_greeted(name: str) -> None:
    rendered = render("password_reset", "fr", sample("password_reset", name=name))

    assert rendered.text.startswith(f"Bonjour {name},\n")


def test_catalog_names_what_is_missing_and_what_is_too_much() -> None:
    with pytest.raises(VariablesInvalid) as caught:
        check(TEMPLATES["message"], {"subject": "1", "wrong": "3"})

    pointers = [error["pointer"] for error in caught.value.errors or []]
    assert pointers == ["/variables/text", "/variables/wrong"]
