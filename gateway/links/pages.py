"""Serves one page for each kind of link; what a page does stands in one table, what it says in ``texts``."""

from collections.abc import Callable
from typing import NamedTuple

from flask import Blueprint, Flask, Response, make_response, render_template, request

from gateway.links import looks
from gateway.links.wordings import language_of, wording
from shared.chassis.brand import BrandSettings

STYLE = "/links/brand.css"


class Page(NamedTuple):
    """Where a page's button posts the token, if it has one, and which password it asks for."""

    action: str = ""
    autocomplete: str = ""
    needs_session: bool = False  # acts for whoever is signed in, by the cookies of the browser


PAGES = {
    "verify-email": Page("/api/v1/auth/verify-email"),
    "reset-password": Page("/api/v1/auth/password/reset", "new-password"),
    "sign-in": Page(),
    "change-email": Page("/api/v1/auth/email/change/confirm", "current-password"),
    "restore-email": Page("/api/v1/auth/email/change/undo"),
    "join-organization": Page("/api/v1/users/invitations/accept", needs_session=True),
}


def install(app: Flask, brand: BrandSettings) -> None:
    """Serve one page for each of ``PAGES`` at its name."""
    blueprint = Blueprint(
        "links", __name__, template_folder="templates", static_folder="static", static_url_path="/links"
    )
    for name, page in PAGES.items():
        blueprint.add_url_rule(f"/{name}", name, _view(name, page, brand))
    blueprint.add_url_rule(STYLE, "brand", lambda: _style(brand))
    blueprint.after_request(_confined(looks.policy(brand)))
    app.register_blueprint(blueprint)


def _view(name: str, page: Page, brand: BrandSettings) -> Callable[[], Response]:
    def view() -> Response:
        language = language_of(
            of_mail=request.args.get("lang", ""), accepted=request.headers.get("Accept-Language", "")
        )
        texts = wording(language)
        html = render_template(
            "links/page.html", page=page, lang=language, texts=texts, says=texts[name], brand=brand
        )
        return make_response(html)

    return view


def _style(brand: BrandSettings) -> Response:
    response = Response(looks.style(brand), content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def _confined(policy: str) -> Callable[[Response], Response]:
    def confine(response: Response) -> Response:
        """Tell nobody where the reader came from, and keep nothing."""
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "text/html":
            response.headers["Cache-Control"] = "no-store"
            response.vary.add("Accept-Language")
        return response

    return confine
