"""Whatever is wrong with what a client sends, wherever: a documented problem, and nothing stored."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest
from psycopg import sql

from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token
from tests.system import journey
from tests.system.backend import ROOT
from tests.system.kit import Kit
from tests.system.stored import SERVICES

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

WRITING = {"post", "put", "patch"}
METHODS = WRITING | {"get", "delete"}
SAMPLE_ID = "018f4e5a-0000-7000-8000-000000000000"
JSON = "application/json"
CODES = set(re.findall(r"^\| [^|]*`([a-z_]+)` *\|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE))
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
WRONG_TYPE = {"neither": ["text", "nor", "number"]}
NAME = re.compile(r"(?:^|_)name$")
EMAIL = re.compile(r"(?:^|_)email$")
UNROUTABLE = ("ada@localhost", "ada@10.0.0.1", "ada@example", "@example.org", "ada", "ada@exa mple.org")


@dataclass(frozen=True)
class Operation:
    """One operation of the merged document."""

    method: str
    path: str
    statuses: frozenset[str]
    media_type: str | None
    properties: Mapping[str, Any]
    needs_token: bool

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def url(self) -> str:
        """A URL of it; what its parameters name does not exist."""
        return re.sub(r"\{[^}]*\}", SAMPLE_ID, self.path)

    def named(self, pattern: re.Pattern[str]) -> list[str]:
        """The members of its body that are called so and take a text."""
        return [name for name, schema in self.properties.items() if pattern.search(name) and _is_text(schema)]


def _is_text(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type", "string")
    return "string" in kind


def operations_of(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = item[method]
            content = operation.get("requestBody", {}).get("content", {})
            media_type = next((kind for kind in content if kind.endswith("json")), None)
            yield Operation(
                method=method,
                path=path,
                statuses=frozenset(operation["responses"]),
                media_type=media_type,
                properties=_properties(document, content[media_type].get("schema", {})) if media_type else {},
                # An empty member of the list says that it goes without as well.
                needs_token=all(operation.get("security") or [{}]),
            )


def _properties(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _properties(document, document["components"]["schemas"][name])
    found: Mapping[str, Any] = schema.get("properties", {})
    return found


@pytest.fixture(scope="module")
def operations(doorward: Kit) -> list[Operation]:
    """Every operation that the gateway's document promises."""
    return sorted(operations_of(journey.whole_document(doorward.gateway_url)), key=str)


@pytest.fixture(scope="module")
def bodied(operations: list[Operation]) -> list[Operation]:
    """Those that take a JSON body."""
    found = [one for one in operations if one.media_type and one.method in WRITING]
    assert len(found) >= 20
    return found


@pytest.fixture(scope="module")
def token(doorward: Kit) -> str:
    """The access token of somebody who may do everything."""
    email = journey.new_address()
    doorward.create_admin(email=email, password=journey.PASSWORD)
    body = {"email": email, "password": journey.PASSWORD}
    with journey.open_client(doorward.gateway_url) as client:
        return str(journey.expect(client.post("/api/v1/auth/login", json=body), 200)["access_token"])


@pytest.fixture
def nothing_is_stored(doorward: Kit, token: str) -> Iterator[None]:
    """Every table of every service has as many rows after the test as before it."""
    doorward.wait_until_quiet()
    before = _row_counts(doorward)
    yield
    assert _row_counts(doorward) == before


def _row_counts(doorward: Kit) -> dict[str, int]:
    counts = {}
    for service in SERVICES:
        with doorward.connect(service) as connection:
            for (name,) in connection.execute(TABLES).fetchall():
                query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
                counts[f"{service}.{name}"] = connection.execute(query).fetchall()[0][0]
    # A guess at a password or a code is counted, right or wrong: that is what it is for.
    return {name: count for name, count in counts.items() if not name.endswith("throttles")}


@pytest.fixture(scope="module")
def client(doorward: Kit) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=doorward.gateway_url, timeout=60, trust_env=False) as client:
        yield client


def send(client: httpx.Client, operation: Operation, token: str, content: bytes) -> httpx.Response:
    """The answer to what comes, as it seems, from another client each time: no limit is the subject here."""
    headers = journey.bearer(token) | {
        "Content-Type": operation.media_type or JSON,
        "X-Forwarded-For": journey.new_client_address(),
    }
    return client.request(operation.method.upper(), operation.url, content=content, headers=headers)


def problems(operation: Operation, answer: httpx.Response, *wanted: int) -> list[str]:
    """What is wrong with the answer to something wrong: nothing, where it is a documented problem."""
    where = f"{operation}: {answer.status_code} {answer.text[:200]}"
    if answer.status_code not in wanted:
        return [f"{where}: not {wanted}"]
    if answer.headers["Content-Type"] != "application/problem+json":
        return [f"{where}: no problem document"]
    if str(answer.status_code) not in operation.statuses and "default" not in operation.statuses:
        return [f"{where}: the status is not documented"]
    if answer.json()["code"] not in CODES:
        return [f"{where}: the code is not documented"]
    return []


BAD_BODIES = {
    "not JSON": (b'{"email": "ada@example.org",', 400),
    "not UTF-8": (b'{"email": "\xff\xfe"}', 400),
    "no object": (b'["ada@example.org"]', 422),
    "null": (b"null", 422),
    "unknown field": (b'{"no_such_field": 1}', 422),
    "10 MB": (b'{"email": "' + b"x" * 10_000_000 + b'"}', 413),
}


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("name", BAD_BODIES)
def test_body_that_is_none_is_a_documented_problem_at_every_route(
    client: httpx.Client, bodied: list[Operation], token: str, name: str
) -> None:
    content, status = BAD_BODIES[name]

    found = [
        problem
        for operation in bodied
        for problem in problems(operation, send(client, operation, token, content), status)
    ]

    assert found == []


def bad_values(operation: Operation) -> Iterator[tuple[str, Any]]:
    """Members of the operation's body, each with a value that no such member can have."""
    for name in operation.properties:
        yield name, _wrong_type(operation.properties[name])
    for name in operation.named(NAME):
        yield name, "n" * 1000
        yield name, "Ada\u0000Lovelace"
        yield name, "Ada\u001b[2JLovelace"
    for name in operation.named(EMAIL):
        for address in UNROUTABLE:
            yield name, address


def _wrong_type(schema: Mapping[str, Any]) -> Any:
    """A value that is neither the member's own kind nor anything that could be read as one."""
    is_object = "object" in str(schema.get("type", "")) or "$ref" in schema or "allOf" in schema
    return [["a", "list"]] if is_object else WRONG_TYPE


@pytest.mark.usefixtures("nothing_is_stored")
def test_value_that_cannot_be_is_named_at_every_route(
    client: httpx.Client, bodied: list[Operation], token: str
) -> None:
    found = []
    for operation in bodied:
        for name, value in bad_values(operation):
            answer = send(client, operation, token, orjson.dumps({name: value}))
            wrong = problems(operation, answer, 422)
            pointers = [] if wrong else [error["pointer"] for error in answer.json()["errors"]]
            if not wrong and not any(pointer.startswith(f"/{name}") for pointer in pointers):
                wrong = [f"{operation}: {name}={value!r} is not named in {pointers}"]
            found += wrong

    assert found == []


def bad_tokens(doorward: Kit, token: str) -> dict[str, str]:
    """Tokens that are nearly right."""
    account, admin, secret = new_id(), ("admin",), doorward.environment["JWT_SECRET_KEY"]
    past = int(time.time()) - 3600
    times = {"iat": past - 900, "nbf": past - 900, "exp": past}
    head, content, signature = token.split(".")
    other = "A" if content[10] != "A" else "B"
    without = access_token(account, roles=admin, secret=secret, header={"alg": "none"}).rpartition(".")[0]
    return {
        "expired": access_token(account, roles=admin, secret=secret, claims=times),
        "tampered": f"{head}.{content[:10]}{other}{content[11:]}.{signature}",
        "unsigned": f"{without}.",
        "wrong algorithm": access_token(account, roles=admin, secret=secret, header={"alg": "HS512"}),
        "wrong audience": access_token(account, roles=admin, secret=secret, claims={"aud": "internal"}),
        "wrong issuer": access_token(account, roles=admin, secret=secret, claims={"iss": "somebody"}),
        "wrong secret": access_token(account, roles=admin, secret="x" * 48),
        "refresh as access": _refresh_token(doorward),
        "no token": "neither.this.nor-that",
    }


def _refresh_token(doorward: Kit) -> str:
    traveller = journey.Journey(doorward.gateway_url, doorward.mailbox_url)
    traveller.register()
    traveller.verify()
    doorward.wait_until_quiet()
    return str(traveller.pair["refresh_token"])


def test_token_that_is_not_good_opens_no_route(
    doorward: Kit, client: httpx.Client, operations: list[Operation], token: str
) -> None:
    closed = [one for one in operations if one.needs_token]
    assert len(closed) > 30
    wrong_tokens = bad_tokens(doorward, token)
    before = _row_counts(doorward)

    found = [
        f"{kind}: {problem}"
        for kind, bad in wrong_tokens.items()
        for operation in closed
        for problem in problems(operation, send(client, operation, bad, b"{}"), 401)
    ]

    assert found == []
    assert _row_counts(doorward) == before
