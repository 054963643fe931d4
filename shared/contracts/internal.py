"""The bodies of the internal HTTP calls between services (token audience ``internal``)."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class InternalBody(BaseModel):
    """The root of all internal bodies."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class AccountBody(InternalBody):
    """auth `GET /internal/accounts/{id}`: what another service may know of an account."""

    id: UUID
    email: str
    display_name: str | None
    locale: str
    roles: tuple[str, ...]
    is_active: bool
    is_verified: bool
    created_at: datetime


class DeletionAskedBody(InternalBody):
    """To auth `POST /internal/accounts/{id}/deletion`: its owner wants the account deleted.

    With the password; of an account that has none, by a session that has lately proven itself.
    """

    password: str | None = Field(None, repr=False)
    session_id: UUID | None = None
    ip: str
    user_agent: str


class DeletionBody(InternalBody):
    """The answer: when it will be, unless the owner signs in before."""

    deletes_at: datetime


class ApiKeyBody(InternalBody):
    """To auth `POST /internal/api-keys/exchange`: a program came with this key."""

    key: str = Field(repr=False)


class IssuedTokenBody(InternalBody):
    """The answer: an access token with the key's scopes, and its seconds."""

    access_token: str = Field(repr=False)
    expires_in: int


class KeySetBody(InternalBody):
    """auth `GET /.well-known/jwks.json`: the public keys of access tokens (RFC 7517)."""

    keys: tuple[dict[str, str], ...]


class StatsBody(InternalBody):
    """Of any service `GET /internal/accounts/{id}/stats`: what it counts of the account."""

    counts: dict[str, int]
