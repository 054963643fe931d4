"""Finds which of its own errors each operation of a service may answer, for its OpenAPI document.

It starts at an operation's view, and follows every function, method and class that the code names. Each error
class among them counts. What a service passes on from another one is listed here: the names do not show it.
"""

import dis
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple, get_type_hints

from deploy.processes import SERVICES
from shared.chassis import errors

FILE = "services/{service}/routes/operation_errors.py"
OURS = ("services.", "shared.chassis.")
PASSED_ON = {
    "meLeave": (
        "account_not_found",
        "invalid_credentials",
        "last_administrator",
        "password_hashing_busy",
        "password_missing",
        "too_many_attempts",
    ),
    "mePutAvatar": ("avatars_unavailable",),  # by whichever store there is
    "avatarsShow": ("avatars_unavailable",),
}
HEAD = '''"""The errors of this service that each operation may answer, by code.

Written by `python -m deploy.docs` from the code; a test fails where they differ.
"""

# What it passes on from another service, by code: the status and what the caller reads.
PASSED_ON: dict[str, tuple[int, str]] = {passed_on}

CODES: dict[str, tuple[str, ...]] = {{
'''


@cache
def files() -> dict[str, str]:
    """The text of each service's list, by its path."""
    return {FILE.format(service=service): _text(service) for service in SERVICES}


def _text(service: str) -> str:
    blueprints = import_module(f"services.{service}.routes").BLUEPRINTS
    lines = []
    for blueprint in blueprints:
        for name, view in blueprint.operations.items():
            codes = sorted({*codes_of(view), *PASSED_ON.get(name, ())})
            if codes:
                lines.append(f'    "{name}": ({_shown(codes)}),\n')
    head = HEAD.format(passed_on=_passed_on(service))
    return f"{head}{''.join(lines)}}}\n"


def _passed_on(service: str) -> str:
    """The errors of other services, whose classes this one does not have."""
    foreign = {
        kind.code: kind
        for kind in errors.all_errors()
        if kind.__module__.startswith("services.") and not kind.__module__.startswith(f"services.{service}.")
    }
    codes = {
        code
        for blueprint in import_module(f"services.{service}.routes").BLUEPRINTS
        for name in blueprint.operations
        for code in PASSED_ON.get(name, ())
        if code in foreign
    }
    if not codes:
        return "{}"
    lines = [f'    "{code}": ({foreign[code].status}, "{foreign[code].detail}"),\n' for code in sorted(codes)]
    return f"{{\n{''.join(lines)}}}"


def _shown(codes: list[str]) -> str:
    """The members of a tuple, as the formatter leaves them."""
    if len(codes) == 1:
        return f'"{codes[0]}",'
    return "".join(f'\n        "{code}",' for code in codes) + "\n    "


def codes_of(view: Callable[..., Any]) -> set[str]:
    """The codes of the errors that the view's code names, or what it calls."""
    seen, found, waiting = set[int](), set[str](), [view]
    while waiting:
        value: Any = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, type) and issubclass(value, errors.ApiError):
            found |= {value.code} if value.__module__ != errors.__name__ else set()
        else:
            waiting += _named_by(value)
    return found


def _named_by(value: Any) -> Iterator[Any]:
    """What has to be looked at next."""
    if isinstance(value, MethodType | staticmethod | classmethod):
        yield value.__func__
    elif isinstance(value, property):
        yield value.fget
    elif isinstance(value, type):
        if _is_ours(value):
            yield from vars(value).values()
    elif isinstance(value, FunctionType):
        yield from _named_by_function(value)
    elif not isinstance(value, ModuleType) and _is_ours(type(value)):
        yield type(value)


def _named_by_function(function: FunctionType) -> Iterator[Any]:
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        yield wrapped
    # What guards a view in the chassis is documented there.
    is_guard = wrapped is not None and not _module(function).startswith("services.")
    if _module(function).startswith(OURS) and not is_guard:
        closure = inspect.getclosurevars(function).nonlocals if function.__closure__ else {}
        for code in _codes_within(function.__code__):
            yield from _named_in(code, {**function.__globals__, **closure})


def _module(function: FunctionType) -> str:
    """Where the function's own code is: `__module__` is that of the view which a decorator wraps."""
    return str(function.__globals__["__name__"])


def _named_in(code: CodeType, names: Mapping[str, Any]) -> Iterator[Any]:
    """The values of the names in ``code``, and of the attributes that follow them."""
    value: Any = None
    for step in dis.get_instructions(code):
        if step.opname in {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"}:
            value = names.get(step.argval)
        elif step.opname in {"LOAD_ATTR", "LOAD_METHOD"}:
            value = _attribute(value, step.argval)
        elif step.opname in {"PRECALL", "CALL"} and step.argval == 0:
            value = value if isinstance(value, _Instance) else _returned(value)
        else:
            value = None
        if value is not None and not isinstance(value, _Instance):
            yield value


class _Instance(NamedTuple):
    """Some object of a class, as far as annotations tell: ``deps().passwords`` is one of Passwords."""

    of: type


def _attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, _Instance):
        annotated = get_type_hints(owner.of).get(name)
        return _Instance(annotated) if isinstance(annotated, type) else owner.of  # methods call each other
    return getattr(owner, name, None) if isinstance(owner, ModuleType | type) else None


def _returned(function: Any) -> _Instance | None:
    if not isinstance(function, FunctionType) or not _module(function).startswith(OURS):
        return None
    returned = get_type_hints(function).get("return")
    return _Instance(returned) if isinstance(returned, type) else None


def _codes_within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes_within(constant)


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith(OURS)
