"""Errors as pages, for whoever navigates to an address in a browser; programs get problem documents.

Only what the gateway itself refuses becomes a page: what a service answers is passed on as it came.
"""

from collections.abc import Iterable

import orjson
from flask import Flask, Response, request
from jinja2 import Environment
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from gateway.hooked_response import HookedResponse
from gateway.links import looks
from gateway.links.wordings import language_of, wording
from gateway.messages import Answer
from shared.chassis.brand import BrandSettings
from shared.chassis.errors import PROBLEM_TYPE

# What programs ask for, even where a browser does so too.
PROGRAMS = ("/api/", "/.well-known/", "/openapi.json", "/livez", "/readyz", "/healthz", "/metrics")
# Nothing else of a request is looked at, since it may be refused because of what it says.
_READ = frozenset({b"accept", b"accept-language"})
_KINDS = {404: "not_found", 429: "rate_limited", 502: "unavailable", 503: "unavailable", 504: "unavailable"}


class ErrorPages:
    """Makes a page of a problem document where the client would rather read one."""

    def __init__(self, templates: Environment, brand: BrandSettings) -> None:
        self._template = templates.get_template("links/error.html")
        self._brand = brand
        self._policy = looks.policy(brand)

    def install(self, app: Flask) -> None:
        """Do so for everything that ``app`` answers."""

        @app.after_request
        def show(response: Response) -> Response:
            accept, languages = (request.headers.get(name, "") for name in ("Accept", "Accept-Language"))
            return self._of(response, request.path, accept=accept, languages=languages)

    def instead_of(self, answer: Answer, path: str, fields: Iterable[tuple[bytes, bytes]]) -> Answer:
        """``answer``, or a page in its place; ``fields`` are the request's."""
        if not isinstance(answer, Response) or isinstance(answer, HookedResponse):
            return answer
        if answer.mimetype != PROBLEM_TYPE:
            return answer
        read = {name: value.decode("latin-1") for name, value in fields if name in _READ}
        return self._of(
            answer, path, accept=read.get(b"accept", ""), languages=read.get(b"accept-language", "")
        )

    def _of(self, response: Response, path: str, *, accept: str, languages: str) -> Response:
        if response.mimetype != PROBLEM_TYPE or path.startswith(PROGRAMS):
            return response
        response.vary.update(("Accept", "Accept-Language"))
        if not _wants_page(accept):
            return response
        language = language_of(of_mail="", accepted=languages)
        return self._page(response, language)

    def _page(self, response: Response, language: str) -> Response:
        """The same answer, status and header fields, with another body."""
        problem, texts = orjson.loads(response.get_data()), wording(language)
        kind = _KINDS.get(response.status_code, "refused" if response.status_code < 500 else "failed")
        html = self._template.render(
            lang=language,
            texts=texts,
            says=texts["errors"][kind],
            brand=self._brand,
            reference=problem["request_id"] if kind == "failed" else None,
        )
        response.set_data(html)
        response.content_type = "text/html; charset=utf-8"
        response.headers["Content-Security-Policy"] = self._policy
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _wants_page(accept: str) -> bool:
    """Whether HTML is preferred, as browsers do that open an address; `*/*` prefers nothing."""
    accepted = parse_accept_header(accept, MIMEAccept)
    return accepted.quality("text/html") > max(map(accepted.quality, (PROBLEM_TYPE, "application/json")))
