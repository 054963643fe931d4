"""Origins as a person writes them in a setting: what is meant is taken, what is not is explained."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from shared.chassis.setting_types import split_list

# Of any scheme: the pages of an app on a phone or a desktop have ones of their own (``capacitor://localhost``).
PATTERN = r"^([a-z][a-z0-9+.-]*://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:([0-9]{1,5}|\*))?|\*)$"
_EXAMPLE = "https://app.example.org"
_ANDROID = "android:apk-key-hash:"  # how Android's apps name themselves to passkeys
_PATH = re.compile(r"^([a-z][a-z0-9+.-]*://[^/]+)/.+", re.IGNORECASE)
# What a browser never writes, as RFC 3986 compares it: scheme and host have no case.
_WRITTEN = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+/?$")


def without_default_port(origin: str) -> str:
    """``origin`` as browsers write it: they leave the usual port of its scheme out (RFC 6454 section 6.1)."""
    for scheme, port in (("https://", ":443"), ("http://", ":80")):
        if origin.startswith(scheme):
            return origin.removesuffix(port)
    return origin


def _origin(text: str) -> str:
    """The origin that ``text`` means; raises ValueError with what to write instead."""
    if text == "*":
        raise ValueError(
            "* would let every page use its visitors' cookies; list the origins of your pages, "
            f"such as {_EXAMPLE}"
        )
    if "://" not in text:
        host = text.rstrip("/") or "app.example.org"
        scheme = "http" if host.partition(":")[0] in {"localhost", "127.0.0.1"} else "https"
        raise ValueError(f'"{text}" has no scheme; write {scheme}://{host.partition("/")[0]}')
    if match := _PATH.match(text):
        raise ValueError(f'"{text}" has a path, which an origin does not have; write {match[1]}')
    written = text.rstrip("/").lower() if _WRITTEN.match(text) else text
    if re.match(PATTERN, written) is None:
        raise ValueError(f'"{text}" is not an origin; write scheme, host and port, as {_EXAMPLE}')
    return without_default_port(written)


def _passkey_origin(text: str) -> str:
    """The origin of one app or of pages at one place."""
    if text.startswith(_ANDROID):
        return text
    if "*" in text:
        raise ValueError(
            f'"{text}" is more than one origin; for passkeys, list each origin, such as {_EXAMPLE}'
        )
    return _origin(text)


OriginList = Annotated[list[Annotated[str, AfterValidator(_origin)]], NoDecode, BeforeValidator(split_list)]
# NoDecode again: pydantic-settings looks for it on the outside.
OptionalOriginList = Annotated[OriginList | None, NoDecode]
PasskeyOriginList = Annotated[
    list[Annotated[str, AfterValidator(_passkey_origin)]], NoDecode, BeforeValidator(split_list)
]
