"""What the client meant arrives, what the service meant comes back, and nothing else does."""

import asyncio
import gzip
import hashlib
import threading
import time
from asyncio import StreamReader, StreamWriter
from uuid import UUID

import httpx
import pytest

from shared.chassis.testing.tokens import access_token, bearer
from tests.gateway.conftest import ORIGIN, Gateway
from tests.gateway.echo import OK, Received, Upstream

ME = "/api/v1/users/me"


def pairs(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.json()["headers"]]


def sent(answer: httpx.Response, name: str) -> list[str]:
    return [value for key, value in pairs(answer) if key.lower() == name]


def test_a_signed_in_caller_reaches_the_service(client: httpx.Client, signed_in: dict[str, str]) -> None:
    answer = client.get(f"{ME}?a=1&b=%2e%2e&c=[]", headers={**signed_in, "Host": "gateway.test"})

    assert answer.status_code == 200
    assert answer.json()["target"] == f"{ME}?a=1&b=%2e%2e&c=[]"
    assert sent(answer, "authorization") == [signed_in["Authorization"]]
    assert sent(answer, "x-forwarded-for") == ["127.0.0.1"]
    assert sent(answer, "x-forwarded-host") == ["gateway.test"]
    assert sent(answer, "forwarded") == ['for=127.0.0.1;proto=http;host="gateway.test"']
    assert sent(answer, "via") == ["1.1 doorward"]
    assert sent(answer, "x-request-id") == [answer.headers["x-request-id"]]
    assert sent(answer, "host")[0].startswith("127.0.0.1:")


def test_the_request_id_and_trace_of_the_caller_are_kept(
    client: httpx.Client, signed_in: dict[str, str]
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    answer = client.get(ME, headers={**signed_in, "X-Request-ID": "my-request-1", "traceparent": trace})

    assert answer.headers["x-request-id"] == "my-request-1"
    assert sent(answer, "traceparent")[0][:36] == trace[:36]
    assert sent(answer, "traceparent")[0] != trace


def test_no_header_of_the_clients_passes_for_the_gateways(
    client: httpx.Client, signed_in: dict[str, str]
) -> None:
    forged = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/x",
        "Forwarded": "for=1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-User-Id": "root",
        "X-Account-Id": "root",
        "X-Roles": "admin",
        "Remote-User": "root",
        "X-Original-URL": "/admin",
        "X-Rewrite-URL": "/admin",
        "X-HTTP-Method-Override": "DELETE",
        "X-Request-Deadline": "1",
        "Via": "1.0 forged",
        "Client-IP": "1.2.3.4",
        "True-Client-IP": "1.2.3.4",
        "Proxy": "http://evil",
        "X.Dotted": "1",
        "TE": "trailers",
        "X-Named": "1",
        "Keep-Alive": "timeout=9",
        "Connection": "keep-alive, X-Named, X-Forwarded-For, x-request-id",
        "Accept-Language": "fr",
    }

    answer = client.get(ME, headers={**signed_in, **forged})

    names = {name.lower() for name, _ in pairs(answer)}
    assert names == {
        "host", "authorization", "accept", "accept-encoding", "accept-language", "user-agent",
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via",
        "x-request-deadline", "x-request-id", "traceparent",
    }  # fmt: skip
    assert sent(answer, "x-forwarded-for") == ["127.0.0.1"]
    assert sent(answer, "via") == ["1.0 forged", "1.1 doorward"]


@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_arrives_whole(
    client: httpx.Client, signed_in: dict[str, str], size: int, is_chunked: bool
) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]

    answer = client.post(
        "/api/v1/users/x", headers=signed_in, content=iter([body[:100], body[100:]]) if is_chunked else body
    )

    assert answer.json()["length"] == size
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_body_that_is_too_large_is_refused_before_it_is_sent_on(
    client: httpx.Client, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    whole = client.post("/api/v1/users/x", headers=signed_in, content=b"x" * 2_000_000)
    chunked = client.post("/api/v1/users/x", headers=signed_in, content=iter([b"x" * 600_000] * 3))

    assert (whole.status_code, whole.json()["code"]) == (413, "body_too_large")
    assert (chunked.status_code, chunked.json()["code"]) == (413, "body_too_large")
    assert upstream.at("/api/v1/users/x") == []


@pytest.mark.parametrize(("size", "status"), [(5 * 2**20, 200), (5 * 2**20 + 1, 413)])
def test_pictures_may_be_larger_than_other_bodies(
    client: httpx.Client, signed_in: dict[str, str], size: int, status: int
) -> None:
    answer = client.put("/api/v1/users/me/avatar", headers=signed_in, content=bytes(size))

    assert (answer.status_code, answer.json().get("length")) == (status, size if status == 200 else None)


def test_every_field_of_the_answer_comes_back_as_it_was(
    client: httpx.Client, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    body = gzip.compress(b"hello")

    async def answer(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 201 Made\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\n"
            b"Server: secret/1\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nAccess-Control-Allow-Origin: *\r\n"
            b"RateLimit: nonsense\r\nRetry-After: soon\r\nX-Named: 1\r\nConnection: keep-alive, X-Named\r\n"
            b'ETag: W/"x"\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)
        )

    upstream.handlers[ME] = answer
    with client.stream("GET", ME, headers={**signed_in, "Origin": ORIGIN}) as response:
        raw = b"".join(response.iter_raw())

    assert (response.status_code, raw) == (201, body)
    assert response.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]
    assert response.headers["etag"] == 'W/"x"'
    assert response.headers["retry-after"] == "soon"
    assert response.headers.get_list("access-control-allow-origin") == [ORIGIN]
    assert len(response.headers.get_list("date")) == len(response.headers.get_list("server")) == 1
    assert "2001" not in response.headers["date"]
    assert "secret" not in response.headers["server"]
    assert "x-named" not in response.headers
    assert '"address"' in response.headers["ratelimit"]


def test_no_cookie_of_one_caller_is_sent_for_another(
    client: httpx.Client, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    async def answer(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"set-cookie: session=ada\r\ncontent-length: 0\r\n\r\n")

    upstream.handlers[ME] = answer
    client.get(ME, headers=signed_in)
    client.cookies.clear()

    assert sent(client.get("/api/v1/users/other", headers=signed_in), "cookie") == []


def test_a_redirect_is_the_callers_to_follow(
    client: httpx.Client, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    async def answer(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    upstream.handlers[ME] = answer

    response = client.get(ME, headers=signed_in)

    assert (response.status_code, response.headers["location"]) == (302, "/elsewhere")


def test_answers_without_a_body_have_none(
    client: httpx.Client, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    async def answer(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = {"HEAD": b"200 OK", "GET": b"304 Not Modified", "DELETE": b"204 No Content"}[request.method]
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hint\r\nLink: x\r\n\r\n")
        writer.write(
            b"HTTP/1.1 " + status + (b"" if request.method == "DELETE" else b"\r\nContent-Length: 7")
        )
        writer.write(b"\r\n\r\n")

    upstream.handlers[ME] = answer
    client.get("/api/v1/users/warm", headers=signed_in)
    connections = upstream.connections

    for method, status, length in (("HEAD", 200, "7"), ("GET", 304, "7"), ("DELETE", 204, None)):
        response = client.request(method, ME, headers=signed_in)
        assert (response.status_code, response.headers.get("content-length")) == (status, length)
        assert response.content == b""
    assert upstream.connections == connections


def test_events_are_passed_on_at_once_and_end_with_the_client(
    gateway: Gateway, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    ended, arrived = threading.Event(), threading.Semaphore(0)

    async def stream(_request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        for number in range(3):
            writer.write(b"data: %d\n\n" % number)
            await asyncio.to_thread(arrived.acquire, timeout=5)
        await reader.read()
        ended.set()

    path = "/api/v1/notifications/inbox/stream"
    upstream.handlers[path] = stream
    with httpx.stream("GET", gateway.url + path, headers=signed_in, timeout=5) as response:
        events = (line for line in response.iter_lines() if line)
        # The service sends the next one only when the last has arrived.
        seen = [(next(events), arrived.release())[0] for _ in range(3)]

    assert seen == ["data: 0", "data: 1", "data: 2"]
    assert ended.wait(5)


def test_an_unknown_path_method_or_host_is_a_problem(client: httpx.Client, upstream: Upstream) -> None:
    for method, path, host, status, code in (
        ("GET", "/nowhere", "gateway.test", 404, "not_found"),
        ("GET", "/internal/accounts/1", "gateway.test", 404, "not_found"),
        ("DELETE", "/.well-known/jwks.json", "gateway.test", 405, "method_not_allowed"),
        ("GET", ME, "evil.test", 421, "host_not_allowed"),
        ("GET", "/metrics", "gateway.test", 404, "not_found"),
    ):
        response = client.request(method, path, headers={"Host": host})
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.headers["content-type"] == "application/problem+json"
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "token_missing"),
        ("nonsense", 401, "token_invalid"),
        ("expired", 401, "token_expired"),
        ("other secret", 401, "token_invalid"),
        ("alg none", 401, "token_invalid"),
        ("refresh", 401, "token_invalid"),
        ("audience", 401, "token_invalid"),
        ("issuer", 401, "token_invalid"),
        ("crit", 401, "token_invalid"),
        ("unknown kid", 401, "token_invalid"),
    ],
)
def test_a_bad_token_goes_no_further(
    client: httpx.Client, upstream: Upstream, account_id: UUID, token: str | None, status: int, code: str
) -> None:
    made = {
        "expired": access_token(account_id, claims={"exp": int(time.time()) - 5}),
        "other secret": access_token(account_id, secret="another-secret-that-is-long-enough-0123456789"),
        "alg none": access_token(account_id, header={"alg": "none"}),
        "refresh": access_token(account_id, claims={"type": "refresh"}, header={"typ": "JWT"}),
        "audience": access_token(account_id, claims={"aud": "internal"}),
        "issuer": access_token(account_id, claims={"iss": "somebody"}),
        "crit": access_token(account_id, header={"crit": ["x"], "x": 1}),
        "unknown kid": access_token(account_id, header={"kid": "other"}),
    }

    response = client.get(ME, headers=bearer(made.get(token, token)) if token else {})

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["www-authenticate"].startswith('Bearer realm="doorward"')
    assert ('error="invalid_token"' in response.headers["www-authenticate"]) == (token is not None)
    assert upstream.at(ME) == []


def test_a_role_is_asked_for_at_the_edge(client: httpx.Client, account_id: UUID) -> None:
    path = "/api/v1/auth/accounts"

    user = client.get(path, headers=bearer(access_token(account_id, roles=("user",))))
    admin = client.get(path, headers=bearer(access_token(account_id, roles=("admin",))))

    assert (user.status_code, user.json()["code"]) == (403, "role_required")
    assert 'error="insufficient_scope"' in user.headers["www-authenticate"]
    assert admin.status_code == 200


def test_a_public_route_takes_any_token(client: httpx.Client) -> None:
    answer = client.post("/api/v1/auth/refresh", headers=bearer("a-refresh-token"))

    assert answer.status_code == 200
    assert sent(answer, "authorization") == ["Bearer a-refresh-token"]


def test_via_is_added_to(client: httpx.Client, upstream: Upstream) -> None:
    async def answer(_request: Received, _reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nvia: 1.1 cache\r\ncontent-length: 0\r\n\r\n")

    upstream.handlers["/api/v1/auth/via"] = answer

    response = client.get("/api/v1/auth/via", headers={"Via": "1.0 fred, 1.1 edge"})

    (request,) = upstream.requests
    assert request.values("via") == ["1.0 fred, 1.1 edge", "1.1 doorward"]
    assert response.headers["via"] == "1.1 cache, 1.1 doorward"


@pytest.mark.parametrize(
    ("traceparent", "passes"),
    [(f"00-{'a' * 32}-{'b' * 16}-01", True), ("00-zz-zz-01", False), (None, False)],
)
def test_a_tracestate_goes_with_its_trace_only(
    client: httpx.Client, upstream: Upstream, traceparent: str | None, passes: bool
) -> None:
    fields = {"Tracestate": "vendor=1"} | ({"Traceparent": traceparent} if traceparent else {})

    client.get("/api/v1/auth/x", headers=fields)

    (request,) = upstream.requests
    assert request.values("tracestate") == (["vendor=1"] if passes else [])
