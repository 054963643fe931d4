"""Which new passwords are taken, and that rating one is bounded work; ``worst_password`` measures it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.passwords import policy
from services.auth.passwords.policy import find_mistake
from tests.auth.worst_password import KINDS

LONG_NAMES = ["a.b-" * 60 + "@example.org", "Ada King " * 20]


@pytest.mark.parametrize(
    "password",
    [
        "plum-harbour-93-kettle",
        "correct horse battery staple",
        "passwordpassword-Xk29vmq!77",  # its second part is hard to guess
        "пароль-лошадь-скрепка-91",
    ],
)
def test_password_that_is_hard_to_guess_is_taken(password: str) -> None:
    assert find_mistake(password, known=["ada@example.org"], minimum_score=2) is None


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("password1", "common"),
        ("a" * 128, "Repeats"),
        ("abcabcabc" * 12, "Repeats"),
        ("qwertyuiop", "common"),
        ("ada.lovelace", ""),
        ("short", "8 to 128"),
        ("x" * 129, "8 to 128"),
    ],
)
def test_password_that_is_easy_to_guess_is_refused_with_a_reason(password: str, reason: str) -> None:
    mistake = find_mistake(password, known=["ada.lovelace@example.org"], minimum_score=2)

    assert mistake
    assert reason in mistake


def test_refusal_without_a_hint_has_a_reason_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        score, feedback = 0, None

    monkeypatch.setattr(policy, "zxcvbn", lambda _part, _words: Silent)

    assert find_mistake("anything at all", known=[], minimum_score=2) == "It is too easy to guess."


@given(password=st.one_of(st.text(max_size=600), *(st.text(marks, max_size=128) for marks in KINDS.values())))
def test_no_password_has_more_rated_than_three_parts_of_sixteen_marks(password: str) -> None:
    rated: list[str] = []

    class Weak:
        score, feedback = 0, None

    def rate(part: str, _words: list[str]) -> Any:
        rated.append(part)
        return Weak

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "zxcvbn", rate)
        find_mistake(password, known=LONG_NAMES, minimum_score=4)

    assert len(rated) <= 3
    assert all(len(part) <= 16 for part in rated)
