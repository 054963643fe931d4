"""Serves one page for each kind of link; what a page says and does stands in one table."""

from collections.abc import Callable
from typing import NamedTuple

from flask import Blueprint, Flask, Response, make_response, render_template

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Page(NamedTuple):
    """What a page says; ``action`` is where its button posts the token, if a button makes sense."""

    title: str
    text: str
    button: str = ""
    action: str = ""
    done: str = ""
    asks_for: str = ""  # what the page calls the password that it asks for
    autocomplete: str = ""


PAGES = {
    "verify-email": Page(
        "Confirm your address",
        "Confirm that this email address belongs to you.",
        button="Confirm the address",
        action="/api/v1/auth/verify-email",
        done="Your address is confirmed. You can close this page and sign in.",
    ),
    "reset-password": Page(
        "Choose a new password",
        "This ends all other sessions of your account.",
        button="Set the password",
        action="/api/v1/auth/password/reset",
        done="Your password is changed. You can close this page and sign in with it.",
        asks_for="New password",
        autocomplete="new-password",
    ),
    "sign-in": Page(
        "Sign in", "Go back to the page where you are signing in and enter the six-digit code from the mail."
    ),
    "join-organization": Page(
        "Join an organization",
        "Sign in where you use your account, and enter your address and the code of the mail there.",
    ),
    "change-email": Page(
        "Confirm your new address",
        "Enter your password to make this the address of your account. This ends all of its sessions.",
        button="Confirm the address",
        action="/api/v1/auth/email/change/confirm",
        done="This is the address of your account now. You can close this page and sign in with it.",
        asks_for="Your password",
        autocomplete="current-password",
    ),
    "restore-email": Page(
        "Take your address back",
        "This ends all sessions of the account, deletes its API keys and passkeys, and resets its password.",
        button="Take the address back",
        action="/api/v1/auth/email/change/undo",
        done="This is the address of your account again. We have sent a mail there to choose a new password.",
    ),
}


def install(app: Flask) -> None:
    """Serve one page for each of ``PAGES`` at its name."""
    blueprint = Blueprint(
        "links", __name__, template_folder="templates", static_folder="static", static_url_path="/links"
    )
    for name, page in PAGES.items():
        blueprint.add_url_rule(f"/{name}", name, _view(page))
    blueprint.after_request(_confine)
    app.register_blueprint(blueprint)


def _view(page: Page) -> Callable[[], Response]:
    return lambda: make_response(render_template("links/page.html", page=page))


def _confine(response: Response) -> Response:
    """Let the page run its own script and call its own origin; tell nobody where the reader came from."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response
