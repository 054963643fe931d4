"""What is wrong with the environment, in sentences: the variable, its value unless secret, the remedy."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

LONGEST_VALUE = 80

# By pydantic's type of error; ``{value}`` is what was set, ``{examples}`` are the field's, the rest is in
# the error's context.
_WORDING = {
    "missing": "is not set and has no default.",
    "int_parsing": "{value} is not a whole number.",
    "int_from_float": "{value} is not a whole number.",
    "float_parsing": "{value} is not a number.",
    "finite_number": "{value} is not a number.",
    "bool_parsing": "{value} is neither true nor false.",
    "greater_than": "{value} is too low: it must be above {gt}.",
    "greater_than_equal": "{value} is too low: the least is {ge}.",
    "less_than": "{value} is too high: it has to be below {lt}.",
    "less_than_equal": "{value} is too high: the most is {le}.",
    "literal_error": "{value} is none of {expected}.",
    "string_too_long": "{value} is too long: the most is {max_length} characters.",
    "string_pattern_mismatch": "{value} cannot be used; it has to look like {examples}.",
    "too_short": "{value} has too few entries: the least is {min_length}.",
    "url_parsing": "{value} is not a URL; write it as https://accounts.example.org.",
    "url_scheme": "{value} begins with neither http:// nor https://.",
}


def sentences(
    error: ValidationError, fields: dict[str, FieldInfo], variable: Callable[[str], str]
) -> Iterator[str]:
    """One sentence for each mistake; ``variable`` is the name in the environment of a field."""
    by_name = {variable(field): field for field in fields} | {field: field for field in fields}
    for mistake in error.errors(include_url=False):
        location = mistake["loc"]
        field = by_name.get(str(location[0])) if location else None
        if field is None:  # of several together: the text names them
            yield _reason(mistake, is_secret=True)
        else:
            examples = " or ".join(fields[field].examples or ())
            reason = _reason(mistake, is_secret=_is_secret(fields[field].annotation), examples=examples)
            yield f"{variable(field)}: {' '.join(reason.splitlines())}"


def _reason(mistake: ErrorDetails, *, is_secret: bool, examples: str = "") -> str:
    value = _shown(mistake["input"], is_secret=is_secret)
    wording = _WORDING.get(mistake["type"])
    if wording is not None:
        return wording.format(value=value, examples=examples, **mistake.get("ctx", {}))
    text = mistake["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{text}." if is_secret or value.strip('"') in text else f"{text} (it is {value})."


def _shown(value: object, *, is_secret: bool) -> str:
    if is_secret:
        return "the value"
    text = str(value)
    return f'"{text[:LONGEST_VALUE]}…"' if len(text) > LONGEST_VALUE else f'"{text}"'


def _is_secret(annotation: Any) -> bool:
    """Whether the type, or one that it is made of, hides its value."""
    inner: list[Any] = [*get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inner += [field.annotation for field in annotation.model_fields.values()]
    return annotation in {SecretStr, SecretBytes} or any(map(_is_secret, inner))
