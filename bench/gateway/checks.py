"""Whether a contestant does what it is measured for: forwards, and applies the policies that it has."""

from collections.abc import Callable, Collection

import httpx

Ask = Callable[..., httpx.Response]
FOREIGN = "https://evil.example"
# The policies: a token is verified, CORS is answered, and a limit says what is left, or at least refuses.
TOKEN, CORS, COUNTS, REFUSES = "token", "cors", "counts", "refuses"
ALL = frozenset({TOKEN, CORS, COUNTS})


def checked(url: str, path: str, headers: dict[str, str], policies: Collection[str]) -> list[str]:
    """What the gateway at ``url`` does not do although it should; empty if all is well."""
    with httpx.Client(base_url=url) as client:

        def ask(at: str = path, **changed: str | None) -> httpx.Response:
            sent = {**headers, **changed}
            return client.get(at, headers={name: value for name, value in sent.items() if value is not None})

        return [
            name
            for name, (policy, check) in _CHECKS.items()
            if (policy is None or policy in policies) and not check(ask)
        ]


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
    fields = dict(answer.headers)
    return (
        fields.get("access-control-allow-origin") == answer.request.headers["Origin"]
        and fields.get("access-control-allow-credentials") == "true"
    )


def _lets_no_other_page_read(ask: Ask) -> bool:
    return ask(Origin=FOREIGN).headers.get("access-control-allow-origin") not in {"*", FOREIGN}


def _counts(ask: Ask) -> bool:
    """Whether two answers in a row tell of different rests."""
    left = [_left(ask()) for _ in range(2)]
    return None not in left and left[0] != left[1]


def _left(answer: httpx.Response) -> str | None:
    fields = dict(answer.headers)
    return fields.get("ratelimit") or fields.get("x-ratelimit-remaining")


def _refuses_the_second(ask: Ask) -> bool:
    return [ask("/once").status_code for _ in range(2)] == [200, 429]


_CHECKS: dict[str, tuple[str | None, Callable[[Ask], bool]]] = {
    "forwards": (None, _forwards),
    "refuses a request without a token": (TOKEN, _refuses_no_token),
    "refuses a forged token": (TOKEN, _refuses_forged_token),
    "lets the allowed page read": (CORS, _lets_the_page_read),
    "lets no other page read": (CORS, _lets_no_other_page_read),
    "counts requests": (COUNTS, _counts),
    "refuses what is beyond a limit": (REFUSES, _refuses_the_second),
}
