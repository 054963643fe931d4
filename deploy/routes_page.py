"""The page docs/routes.md: the policies in their order, and what each does to the built-in routes."""

import inspect
from collections.abc import Iterator

from gateway import route_file
from gateway.described import described
from gateway.settings import GatewaySettings

INTRODUCTION = """\
The gateway applies the policies of a route in this order; the first that answers or refuses is the last. Each
is a class in `gateway/policies/`. The description of a policy is also in `doorward routes`, `doorward
explain`, the merged OpenAPI document and the console. Your own policies come before `options`;
[how to add one](gateway.md#a-policy-of-your-own).
"""
BUILT_IN = """
## Built-in routes

With `GATEWAY_ALLOWED_ORIGINS=https://app.example.org`. `*`: and everything below.
"""
# A route that has something of everything.
EVERYTHING = """
[upstreams.u]
urls = ["http://u"]
[limits.unmatched]
quota = 1
window_seconds = 1
[limits.address]
quota = 1
window_seconds = 1
[limits.caller]
quota = 1
window_seconds = 1
by = "caller"
[cors.c]
[[routes]]
name = "all"
prefix = "/all"
upstream = "u"
limits = ["address", "caller"]
cors = "c"
claims = { X-User-Id = "sub" }
"""


def page(note: str) -> str:
    """The text; ``note`` says where it comes from."""
    variables = {"GATEWAY_ALLOWED_ORIGINS": "https://app.example.org"}
    builtin = described(route_file.load_over_builtin([], GatewaySettings.route_variables_in(variables)))
    lines = ["# Policies and routes", note, INTRODUCTION]
    lines += ["| policy | class | what it does |", "|---|---|---|", *_policies()]
    lines += [BUILT_IN, f"| route | prefix | methods | service | {_cells(builtin.policies)} |"]
    lines += ["|---" * (4 + len(builtin.policies)) + "|"]
    lines += [
        f"| {_cells([route.name, f'`{route.prefix}`', route.methods, route.upstream])} | "
        f"{_cells([route.policies.get(name, '-') for name in builtin.policies])} |"
        for route in builtin.routes
    ]
    return "\n".join(lines) + "\n"


def _policies() -> Iterator[str]:
    (match,) = route_file.parse(route_file.DEFAULT_FILE, EVERYTHING, {}).matches
    for policy in match.acting.policies:
        kind = type(policy)
        meaning = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
        yield f"| {policy.name} | `{kind.__module__.rpartition('.')[2]}.{kind.__name__}` | {meaning} |"


def _cells(texts: list[str]) -> str:
    return " | ".join(text.replace("|", "\\|") for text in texts)
