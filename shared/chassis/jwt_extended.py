"""What flask-jwt-extended knows of a request whose token it did not read itself.

It has no public way to be told of a token that was verified before: this module alone sets what its
``current_user`` and ``get_jwt`` read. A test fails where a new version reads something else.
"""

from collections.abc import Mapping
from typing import Any

from flask import g
from flask_jwt_extended.view_decorators import _load_user


def present(header: Mapping[str, str], claims: dict[str, Any]) -> None:
    """Leave the request as ``verify_jwt_in_request`` does: its token, and the user that the loader finds."""
    known = g._get_current_object()
    known._jwt_extended_jwt_header = header
    known._jwt_extended_jwt = claims
    known._jwt_extended_jwt_location = "headers"
    known._jwt_extended_jwt_user = _load_user(header, claims)  # type: ignore[arg-type]
