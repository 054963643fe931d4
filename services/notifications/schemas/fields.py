"""Fields that several bodies have."""

from typing import Any

import marshmallow
from marshmallow import fields, validate

from services.notifications.templating.variables import LONGEST_VARIABLE
from shared.chassis import addresses
from shared.chassis.address_field import MOST_TYPED
from shared.chassis.schemas import Locale, Text


class Address(Text):
    """An address that mail can reach."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=3, maximum=MOST_TYPED, metadata={"format": "email"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        try:
            # Whether a domain exists is the mail server's to say; `.test` is what people try things out with.
            return addresses.deliverable(text, takes_test_domains=True)
        except addresses.AddressInvalid as error:
            raise marshmallow.ValidationError(str(error)) from error


class ByLanguage(fields.Dict):
    """Something in several languages, each of which stands there once, however its tag is written."""

    def __init__(self, values: fields.Field[Any], **options: Any) -> None:
        super().__init__(keys=Locale(), values=values, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> dict[str, Any]:
        read: dict[str, Any] = super()._deserialize(value, attr, data, **options)  # type: ignore[no-untyped-call]
        if len(read) < len(value):
            raise marshmallow.ValidationError("Two of these tags are one language.")
        return read


class _Variable(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text:
            raise marshmallow.ValidationError("Text must not contain NUL.")
        return text


class VariableValues(fields.Dict):
    """The variables of a template by name."""

    def __init__(self) -> None:
        super().__init__(
            keys=fields.String(validate=validate.Length(1, 100)),
            values=_Variable(validate=validate.Length(max=LONGEST_VARIABLE)),
            load_default=dict,
            validate=validate.Length(max=50),
        )
