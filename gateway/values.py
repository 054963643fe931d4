"""The values that stand in a route file: names, paths, origins, times, each with its form."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from shared.chassis.origins import PATTERN, without_default_port

STRICT = ConfigDict(extra="forbid")
T = TypeVar("T")


def listed(value: object) -> object:
    """A list of one, where only the one is written."""
    return [value] if isinstance(value, str) else value


def number(value: object) -> object:
    """No text and no truth value, which pydantic would take for numbers."""
    if isinstance(value, bool | str):
        raise ValueError("must be a number")  # noqa: TRY004  (pydantic gathers ValueErrors)
    return value


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
METHODS: frozenset[Method] = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


def _without_dots(path: str) -> str:
    if {".", ".."} & set(path.split("/")):
        raise ValueError("must have no dot segments")
    return path


Path = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+$"), AfterValidator(_without_dots)]
Whole = Annotated[int, BeforeValidator(number)]
Seconds = Annotated[float, BeforeValidator(number), Field(gt=0, le=86_400, allow_inf_nan=False)]
# A list, or one text alone where a list of one would do.
Listed = Annotated[tuple[T, ...], BeforeValidator(listed)]
ListedSet = Annotated[frozenset[T], BeforeValidator(listed)]


Origin = Annotated[str, Field(pattern=PATTERN), AfterValidator(without_default_port)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
