"""Whether a contestant does what it is measured for: forwards, and applies all three policies."""

from collections.abc import Callable

import httpx

Ask = Callable[..., httpx.Response]
FOREIGN = "https://evil.example"


def checked(url: str, headers: dict[str, str]) -> list[str]:
    """What ``url`` does not do although it should; empty if all is well."""
    with httpx.Client() as client:

        def ask(**changed: str | None) -> httpx.Response:
            sent = {**headers, **changed}
            return client.get(url, headers={name: value for name, value in sent.items() if value is not None})

        wrong = []
        for name, check in _CHECKS.items():
            if not check(ask):
                wrong.append(name)
        return wrong


def _forwards(ask: Ask) -> bool:
    answer = ask()
    return answer.status_code == 200 and answer.json()["email"] == "ada@example.org"


def _refuses_no_token(ask: Ask) -> bool:
    return ask(Authorization=None).status_code == 401


def _refuses_forged_token(ask: Ask) -> bool:
    good = ask().request.headers["Authorization"]
    return ask(Authorization=good[:-6] + good[-6:].swapcase()).status_code == 401


def _lets_the_page_read(ask: Ask) -> bool:
    answer = ask()
    return (
        answer.headers.get("access-control-allow-origin") == answer.request.headers["Origin"]
        and answer.headers.get("access-control-allow-credentials") == "true"
    )


def _lets_no_other_page_read(ask: Ask) -> bool:
    return ask(Origin=FOREIGN).headers.get("access-control-allow-origin") not in {"*", FOREIGN}


def _counts(ask: Ask) -> bool:
    """Whether two answers in a row tell of different rests."""
    left = [_left(ask()) for _ in range(2)]
    return None not in left and left[0] != left[1]


def _left(answer: httpx.Response) -> str | None:
    fields = answer.headers
    return fields.get("ratelimit") or fields.get("x-ratelimit-remaining")


_CHECKS: dict[str, Callable[[Ask], bool]] = {
    "forwards": _forwards,
    "refuses a request without a token": _refuses_no_token,
    "refuses a forged token": _refuses_forged_token,
    "lets the allowed page read": _lets_the_page_read,
    "lets no other page read": _lets_no_other_page_read,
    "counts requests": _counts,
}
