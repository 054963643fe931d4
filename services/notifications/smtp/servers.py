"""The mail servers of an installation, as its settings name them."""

from pathlib import Path
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator


class SmtpServer(BaseModel):
    """One mail server that takes our mail."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field("default", pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")
    host: str = Field(min_length=1)
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None  # read at every sign-in, so that a token may be renewed there
    auth: Literal["password", "xoauth2"] = "password"
    client_certificate: Path | None = None
    client_key: Path | None = None
    order: int = Field(0, ge=0)  # the lowest is tried first
    weight: int = Field(1, ge=1, le=1000)  # among servers of the same order
    sender_domains: frozenset[str] = frozenset()  # only for mail from these; empty: for all
    connections: int = Field(10, ge=1, le=100)  # of one worker
    per_second: float | None = Field(None, gt=0)  # of all workers together, each an equal share
    per_day: int | None = Field(None, ge=1)  # of all workers together

    @model_validator(mode="after")
    def _check_sign_in(self) -> Self:
        if self.username is not None and self.password is None and self.password_file is None:
            raise ValueError("a username needs a password or a password_file")
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("a client_key needs a client_certificate")
        return self

    def secret(self) -> str:
        """The password or token to sign in with."""
        if self.password_file is not None:
            return self.password_file.read_text().strip()
        return self.password.get_secret_value() if self.password is not None else ""


def parse(value: object) -> object:
    """The servers of a JSON list; raises ValueError with a sentence that names server and field."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return ()
    try:
        entries = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ValueError("must be a JSON list of servers") from error
    if not isinstance(entries, list):
        raise ValueError("must be a JSON list of servers")  # noqa: TRY004  (pydantic wants a ValueError)
    servers = tuple(_server(number, entry) for number, entry in enumerate(entries, start=1))
    if len({server.name for server in servers}) < len(servers):
        raise ValueError("each server needs a name of its own")
    return servers


def _server(number: int, entry: Any) -> SmtpServer:
    try:
        return SmtpServer.model_validate(entry)
    except ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, mistake["loc"])) or "itself"
        reason = mistake["msg"].removeprefix("Value error, ")
        raise ValueError(f"server {number}, {field}: {reason}") from error
