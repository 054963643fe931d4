"""What an access token looks like before anybody looks at its signature. Pure.

auth writes tokens in one form only; whatever else JWS and JWT allow (RFC 7515, RFC 7516, RFC 7519) is refused
here: other header members, encryption, detached or compressed payloads, nested tokens, lists for
audiences, fractions for times. The size is bounded before anything is decoded.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from shared.contracts import tokens

LONGEST_TOKEN = 4096
LONGEST_LIFETIME_SECONDS = 86_400
# Three parts of unpadded base64url (RFC 7515 section 7.1): a short header, the claims, and a signature of
# 32 bytes (HS256), 64 (EdDSA, ES256) or 256 (RS256).
_PART = "[A-Za-z0-9_-]"
_TOKEN = re.compile(
    rf"({_PART}{{16,256}})\.({_PART}{{16,4000}})\.(?:{_PART}{{43}}|{_PART}{{86}}|{_PART}{{342}})"
)
# RFC 6750 section 2.1: one blank, so that a token has one spelling; the scheme is case-insensitive
# (RFC 9110 section 11.1).
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._-]+)")
# The forms of our tokens, whoever sends them: to say what is wrong, never to decide on.
_ALMOST_ACCESS = re.compile(rf"{_PART}{{16,}}\.{_PART}{{16,}}\.{_PART}{{40,}}")
_REFRESH = re.compile(rf"A[Q-Za-f]{_PART}{{74}}")
NO_SCHEME = "Authorization has no scheme: write the word Bearer and a blank before the token."
_HEADER = {"alg", "kid", "typ"}
_NUMBERS = ("exp", "iat", "nbf", tokens.VERSION)


class NotOurForm(ValueError):
    """auth never writes a token like this."""


def bearer_token(authorization: str) -> str:
    """The token in an Authorization header; raises NotOurForm where there is none, or more than one."""
    match = _BEARER.fullmatch(authorization)
    if match is None:
        raise NotOurForm("not one bearer token")
    return match[1]


def advice(authorization: str) -> str | None:
    """What its sender probably did wrong with the Authorization header; None where nothing is known of it."""
    token = authorization.strip()
    if _ALMOST_ACCESS.fullmatch(token) or _REFRESH.fullmatch(token):
        return NO_SCHEME
    match = _BEARER.fullmatch(authorization)
    if match is not None and _REFRESH.fullmatch(match[1]):
        return (
            "This is a refresh token: send the access token here; the refresh token is for "
            "POST /api/v1/auth/refresh alone."
        )
    return None


def refresh_advice(authorization: str) -> str | None:
    """The same where a refresh token is asked for."""
    match = _BEARER.fullmatch(authorization)
    if match is not None and _ALMOST_ACCESS.fullmatch(match[1]):
        return "This is an access token: send the refresh token of the same answer here."
    if _REFRESH.fullmatch(authorization.strip()):
        return NO_SCHEME
    return None


def check(token: str, issuers: Collection[str]) -> Mapping[str, str]:
    """The token's header; raises NotOurForm unless both JSON parts are objects of the form that auth writes.

    ``issuers``: the names that it may be issued under.
    """
    if len(token) > LONGEST_TOKEN:
        raise NotOurForm("too long")
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise NotOurForm("not three parts")
    header = _object(match[1])
    _check_header(header)
    _check_claims(_object(match[2]), issuers)
    return header


def _object(part: str) -> Mapping[str, Any]:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise NotOurForm("not JSON") from error
    if not isinstance(found, dict):
        raise NotOurForm("not an object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers might take different ones of two members of one name (RFC 8259 section 4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotOurForm("a member twice")
    return found


def _refuse(constant: str) -> None:
    raise NotOurForm(f"{constant} is no JSON")


def _check_header(header: Mapping[str, Any]) -> None:
    # Nothing beside these: no key, no address of one, no extension that would have to be understood.
    if set(header) != _HEADER or not all(isinstance(value, str) for value in header.values()):
        raise NotOurForm("another header")
    if header["typ"] != tokens.ACCESS_TYPE:
        raise NotOurForm("another type")


def _check_claims(claims: Mapping[str, Any], issuers: Collection[str]) -> None:
    if any(type(claims.get(name)) is not int for name in _NUMBERS):  # bool is an int as well
        raise NotOurForm("a number that is none")
    if not (claims["iat"] > 0 and 0 < claims["exp"] <= claims["iat"] + LONGEST_LIFETIME_SECONDS):
        raise NotOurForm("a lifetime that is none")
    if claims.get("iss") not in issuers or claims.get("aud") != tokens.AUDIENCE:
        raise NotOurForm("of another issuer or for another audience")
    if claims.get("type") != "access" or not isinstance(claims.get("jti"), str):
        raise NotOurForm("no access token")
    _check_caller(claims)


def _check_caller(claims: Mapping[str, Any]) -> None:
    roles, scope = claims.get(tokens.ROLES, []), claims.get(tokens.SCOPE, "")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise NotOurForm("roles that are none")
    if not isinstance(scope, str):
        raise NotOurForm("a scope that is none")
    for name in (tokens.SUBJECT, tokens.SESSION):
        try:
            UUID(claims[name])
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise NotOurForm("an id that is none") from error
