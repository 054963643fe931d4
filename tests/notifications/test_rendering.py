"""Every mail in every language: whole, escaped, and with its code where a reader and a program find it."""

import re

import pytest
from jinja2 import UndefinedError

from services.notifications import rendering
from services.notifications.catalog import OPTIONAL, TEMPLATES, check, check_complete
from services.notifications.errors import TemplateUnknown, VariablesInvalid

SAMPLE = {
    "name": "Ada",
    "code": "314159",
    "link": "https://accounts.example.org/verify-email#token=a&b=c",
    "minutes": "10",
    "hours": "24",
    "ip": "203.0.113.7",
    "device": "Firefox",
    "time": "2026-01-02 03:04 UTC",
    "change": "TOTP added",
    "subject": "A subject",
    "text": "Some text",
}
WRITTEN = sorted((path.parent.name, path.stem) for path in rendering.DIRECTORY.glob("*/*.jinja"))


def sample(name: str, /, **changes: str) -> dict[str, str]:
    template = TEMPLATES[name]
    return {key: SAMPLE[key] for key in template.required | OPTIONAL} | changes


def test_every_template_of_the_catalog_is_written_in_english_and_none_is_left_over() -> None:
    assert {name for locale, name in WRITTEN if locale == "en"} == set(TEMPLATES)
    assert {name for _, name in WRITTEN} <= set(TEMPLATES)


@pytest.mark.parametrize(("locale", "name"), WRITTEN)
def test_mail_renders_with_exactly_its_required_variables(locale: str, name: str) -> None:
    rendered = rendering.render(name, locale, sample(name))

    assert rendered.subject
    assert "\n" not in rendered.subject
    assert "Ada" in rendered.text
    assert "Ada" in rendered.html
    assert "{{" not in rendered.text + rendered.html + rendered.subject
    if "code" in TEMPLATES[name].required:
        assert re.findall(r"^\d{6}$", rendered.text, re.MULTILINE) == ["314159"]
        assert f"\n{SAMPLE['link']}\n" in rendered.text
        assert 'href="https://accounts.example.org/verify-email#token=a&amp;b=c"' in rendered.html


@pytest.mark.parametrize("name", TEMPLATES)
def test_missing_variable_is_an_error_and_not_a_gap(name: str) -> None:
    for missing in TEMPLATES[name].required - {"minutes", "hours", "link", "code"}:
        values = {key: value for key, value in sample(name).items() if key != missing}

        with pytest.raises(UndefinedError):
            rendering.render(name, "en", values)


@pytest.mark.parametrize("name", TEMPLATES)
def test_mail_with_a_gap_is_refused_before_it_is_rendered(name: str) -> None:
    for missing in TEMPLATES[name].required:
        values = {key: value for key, value in sample(name).items() if key != missing}

        with pytest.raises(VariablesInvalid) as caught:
            check_complete(name, values)

        assert [error["pointer"] for error in caught.value.errors or []] == [f"/variables/{missing}"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_variable_of_a_newer_release_is_passed_over(name: str) -> None:
    check_complete(name, sample(name, invention="1"))


def test_every_mail_is_written_in_both_languages() -> None:
    assert sorted((locale, name) for locale in ("de", "en") for name in TEMPLATES) == WRITTEN


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de-AT", "de"), ("de_DE", "de"), ("fr", "en"), ("", "en"), ("../../x", "en")],
)
def test_language_falls_back(locale: str, language: str) -> None:
    assert rendering.best_locale("verify_email", locale) == language


def test_html_is_escaped_and_text_is_not() -> None:
    rendered = rendering.render("message", "en", {"subject": "a & b", "text": "<script>1</script>"})

    assert "<script>" not in rendered.html
    assert "&lt;script&gt;" in rendered.html
    assert "<script>1</script>" in rendered.text


def test_subject_stays_one_line_of_bounded_length() -> None:
    subject = "one\r\nBcc: everybody@example.org" + "x" * 1000

    rendered = rendering.render("message", "en", {"subject": subject, "text": ""})

    assert rendered.subject.startswith("one Bcc: everybody@example.org")
    assert len(rendered.subject) == rendering.LONGEST_SUBJECT


@pytest.mark.parametrize(
    "name", ["Win at https://evil.example", "www.evil.example", "evil.example", "a@evil.example"]
)
def test_name_that_advertises_something_is_left_out(name: str) -> None:
    rendered = rendering.render("verify_email", "en", sample("verify_email", name=name))

    assert "evil" not in rendered.text + rendered.html
    assert rendered.text.startswith("Hello,\n")


def test_catalog_names_what_is_missing_and_what_is_too_much() -> None:
    with pytest.raises(VariablesInvalid) as caught:
        check("new_device", {"ip": "1", "device": "2", "wrong": "3"})

    pointers = [error["pointer"] for error in caught.value.errors or []]
    assert pointers == ["/variables/time", "/variables/wrong"]


def test_unknown_template_is_refused() -> None:
    with pytest.raises(TemplateUnknown):
        check("../secrets", {})
