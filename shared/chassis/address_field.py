"""The schema field of e-mail addresses; apart from the others, since the gateway has no address to check."""

from typing import Any

import marshmallow
from flask import current_app

from shared.chassis import addresses
from shared.chassis.schemas import Text

MOST_TYPED = 4 * addresses.LONGEST  # a domain can be longer as it is typed than as it is stored


class EmailAddress(Text):
    """An address that we could mail, in the one form that is stored and compared."""

    def __init__(self, **options: Any) -> None:
        options["metadata"] = {"format": "email", **options.get("metadata", {})}
        super().__init__(minimum=3, maximum=MOST_TYPED, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if len(text) > MOST_TYPED:
            raise marshmallow.ValidationError(addresses.TOO_LONG)
        try:
            return addresses.canonical(text, takes_test_domains=_takes_test_domains())
        except addresses.AddressInvalid as error:
            raise marshmallow.ValidationError(str(error)) from error


def _takes_test_domains() -> bool:
    """``ada@app.test`` is an address where developers try things out, and nowhere else."""
    settings = current_app.extensions.get("doorward_settings") if current_app else None
    return settings is not None and settings.is_development
