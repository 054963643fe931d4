"""Language tags as browsers and systems write them become the usual form, and find the best language."""

import pytest

from shared.chassis import locales
from shared.chassis.locales import LocaleInvalid

TAGS = {
    "DE": ("de", "de"),
    "De-at": ("de-AT", "de"),
    "de-1996": ("de-1996", "de"),
    "de_DE": ("de-DE", "de"),
    " de ": ("de", "de"),
    "en-US-u-hc-h12": ("en-US-u-hc-h12", "en"),
    "de-U-CO-phonebk-x-Mine": ("de-u-co-phonebk-x-mine", "de"),
    "en-GB-oed": ("en-GB-oxendict", "en"),
    "i-klingon": ("tlh", "en"),
    "PT-br": ("pt-BR", "pt-BR"),
    "pt-PT": ("pt-PT", "en"),
    "zh-hant-hk": ("zh-Hant-HK", "zh-Hant"),
    "zh-cmn-Hans-CN": ("zh-cmn-Hans-CN", "en"),
    "es-419": ("es-419", "en"),
    "sl-rozaj-biske": ("sl-rozaj-biske", "en"),
}
AVAILABLE = ("en", "de", "pt-BR", "zh-Hant")
NO_TAGS = [
    "", "e", "de-", "-de", "de--AT", "../../etc", "de\x00", "de AT", "dé", "abcdefghi", "x-mine", "de-u",
    "de-x", "de-1996-1996", "en-a-bb-a-cc", "de-" + "-".join(["abcde"] * 12), "ｄｅ",
]  # fmt: skip


@pytest.mark.parametrize("tag", TAGS)
def test_tag_gets_its_usual_form_and_finds_the_best_language(tag: str) -> None:
    form, language = TAGS[tag]

    assert locales.canonical(tag) == form
    assert locales.canonical(form) == form
    assert locales.best(tag, AVAILABLE, "en") == language


@pytest.mark.parametrize("text", NO_TAGS)
def test_what_is_no_tag_is_refused_and_falls_back(text: str) -> None:
    with pytest.raises(LocaleInvalid):
        locales.canonical(text)
    assert locales.best(text, AVAILABLE, "en") == "en"


def test_candidates_go_from_the_most_specific_to_the_language() -> None:
    assert list(locales.candidates("zh_hant-TW-u-co-stroke")) == ["zh-Hant-TW", "zh-Hant", "zh"]
