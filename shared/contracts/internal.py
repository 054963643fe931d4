"""The bodies of the internal HTTP calls between services (token audience ``internal``)."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


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
