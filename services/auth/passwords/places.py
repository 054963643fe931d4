"""Views that hash a password: while all places of the pool are taken, they refuse before any other work.

A storm of sign-ins is answered almost at once this way, whatever address it names, and what it costs is left
to everybody else. Only the use case takes a place: a body that arrives slowly must not keep one.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from services.auth.deps import deps

View = TypeVar("View", bound=Callable[..., Any])


def hashes_password(view: View) -> View:
    """Refuse with PasswordHashingBusy where the view would find no place; directly below who may call it."""

    @wraps(view)
    def wrapper(*arguments: Any, **members: Any) -> Any:
        deps().passwords.require_place()
        return view(*arguments, **members)

    return cast("View", wrapper)
