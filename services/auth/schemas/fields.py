"""The fields that several bodies share."""

from typing import Any

from services.auth.passwords.policy import MAXIMUM_LENGTH
from shared.chassis.address_field import EmailAddress as Email
from shared.chassis.schemas import Locale, Secret

__all__ = ["Code", "Email", "Locale", "Password", "Token"]


class Password(Secret):
    """A password as typed. Whether a new one is good enough is the policy's to say."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=4 * MAXIMUM_LENGTH, **options)


class Code(Secret):
    """A six-digit code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=6, maximum=6, **options)


class Token(Secret):
    """What a link or an earlier answer carried."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=200, **options)
