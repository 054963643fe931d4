"""Errors are pages for browsers and problem documents for programs, whatever refuses the request."""

import httpx
import pytest
from flask import Flask, Response

from gateway.error_pages import ErrorPages
from shared.chassis.brand import BrandSettings
from shared.chassis.errors import NotFound, problem_response
from tests.gateway.conftest import Gateway

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
GERMAN = {**BROWSER, "Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture
def pages() -> ErrorPages:
    return ErrorPages(Flask("gateway.links.pages").jinja_env, BrandSettings())


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nothing-here", 404, "Seite nicht gefunden"),
        ("GET", "/docs/nothing-here", 404, "Seite nicht gefunden"),
        ("GET", "/console/nothing-here", 404, "Seite nicht gefunden"),
        ("DELETE", "/verify-email", 405, "Das hat nicht geklappt"),
        ("POST", "/console/sign-in", 400, "Das hat nicht geklappt"),
    ],
)
def test_browser_reads_a_page_in_its_language(
    client: httpx.Client, method: str, path: str, status: int, title: str
) -> None:
    page = client.request(method, path, headers=GERMAN)
    problem = client.request(method, path, headers={"Accept": "*/*"})

    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert '<html lang="de">' in page.text
    assert f"<h1>{title}</h1>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert "x-request-id" in page.headers
    assert {"Accept", "Accept-Language"} <= {name.strip() for name in page.headers["vary"].split(",")}
    assert (problem.status_code, problem.headers["content-type"]) == (status, "application/problem+json")
    assert page.headers.get("allow") == problem.headers.get("allow")


def test_body_that_is_too_long_for_a_page_is_a_page(client: httpx.Client) -> None:
    page = client.post("/console/sign-in", content=b"x" * 1_100_000, headers=BROWSER)

    assert (page.status_code, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "<h1>This did not work</h1>" in page.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "", "application/json, text/html;q=0.5"])
def test_program_reads_a_problem(client: httpx.Client, accept: str) -> None:
    assert client.get("/nothing-here", headers={"Accept": accept}).json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/api/v1/users/me", "/api/nothing", "/.well-known/nothing", "/metrics"])
def test_address_for_programs_answers_them_alone(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers=BROWSER)

    assert answer.headers["content-type"] == "application/problem+json"


def test_head_has_no_page_behind_it(client: httpx.Client) -> None:
    answer = client.head("/nothing-here", headers=BROWSER)

    assert (answer.status_code, answer.content) == (404, b"")


def test_what_hooks_see_and_what_waits_is_kept(gateway: Gateway) -> None:
    """A limit says when to come back, on a page as in a problem document."""
    with httpx.Client(base_url=gateway.url, headers=BROWSER) as client:
        answers = [client.post("/console/sign-in", headers={"X-Try": str(n)}) for n in range(14)]
    refused = [answer for answer in answers if answer.status_code == 429]

    assert "<h1>Too many requests</h1>" in refused[-1].text
    assert int(refused[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("name", ["accept", "accept-language", "authorization", "x-nothing"])
@pytest.mark.parametrize("value", [b"two\r\nlines", b"\xff\xfe", b";q=,;;=%", b"*/*;q=nan", b"a" * 9000])
def test_error_is_told_whatever_the_request_says(pages: ErrorPages, name: str, value: bytes) -> None:
    fields = {b"accept": b"text/html", name.encode(): value}

    answer = pages.instead_of(problem_response(NotFound()), "/nothing", fields.items())

    assert answer.status_code == 404
    assert isinstance(answer, Response)
    assert answer.mimetype in {"text/html", "application/problem+json"}
