"""The console's pages."""

from typing import Any, cast

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import current_user, login_required, login_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from gateway.console.auth_client import Auth, SignInRefused, TokenPair
from gateway.console.forms import CodeForm, SignInForm, SignOutForm
from gateway.console.operators import NotAnOperator, Operators
from gateway.console.overview import Overview
from shared.chassis.errors import Unavailable

SECOND_FACTOR = "second_factor"
REFUSED = {
    "invalid_credentials": "This address and password do not belong together.",
}

blueprint = Blueprint(
    "console",
    __name__,
    url_prefix="/console",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)


class Console:
    """What the pages work with; kept at ``app.extensions["console"]``."""

    def __init__(self, operators: Operators, auth: Auth, overview: Overview) -> None:
        self.operators = operators
        self.auth = auth
        self.overview = overview


def console() -> Console:
    """The console of this app."""
    return cast("Console", current_app.extensions["console"])


@blueprint.get("/")
@login_required
def dashboard() -> str:
    """What this worker sees of the services, the limits and the routes."""
    return render_template("console/dashboard.html", view=console().overview.now(), form=SignOutForm())


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> str | AnyResponse:
    """Sign in with an administrator's address and password."""
    if current_user.is_authenticated:
        return redirect(url_for("console.dashboard"))
    form = SignInForm()
    if form.validate_on_submit():
        try:
            pair = console().auth.sign_in(form.email.data, form.password.data, address=address())
        except SignInRefused as refusal:
            if refusal.code == "mfa_required" and refusal.mfa_token:
                session[SECOND_FACTOR] = [refusal.mfa_token, bool(form.remember.data)]
                return redirect(url_for("console.second_factor"))
            flash(REFUSED.get(refusal.code, str(refusal)))
        except Unavailable:
            flash("The sign-in service does not answer now; try again shortly.")
        else:
            return _admit(pair, is_remembered=bool(form.remember.data))
    return render_template("console/sign_in.html", form=form)


@blueprint.route("/second-factor", methods=["GET", "POST"])
def second_factor() -> str | AnyResponse:
    """Finish a sign-in with the code of the second factor."""
    if SECOND_FACTOR not in session:
        return redirect(url_for("console.sign_in"))
    form = CodeForm()
    if form.validate_on_submit():
        mfa_token, is_remembered = session[SECOND_FACTOR]
        try:
            pair = console().auth.verify_code(mfa_token, form.code.data.strip(), address=address())
        except SignInRefused as refusal:
            flash(str(refusal))
        except Unavailable:
            flash("The sign-in service does not answer now; try again shortly.")
        else:
            session.pop(SECOND_FACTOR)
            return _admit(pair, is_remembered=is_remembered)
    return render_template("console/second_factor.html", form=form)


@blueprint.post("/sign-out")
@login_required
def sign_out() -> AnyResponse:
    """End the session, here and at auth."""
    console().operators.end(cast("Any", current_user)._get_current_object())
    logout_user()
    session.clear()
    return redirect(url_for("console.sign_in"))


@blueprint.after_request
def confine(response: Response) -> Response:
    """Nothing but our own style sheet, in nobody's frame, in nobody's cache."""
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "console.static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _admit(pair: TokenPair, *, is_remembered: bool) -> AnyResponse:
    try:
        operator = console().operators.admit(pair, is_remembered=is_remembered)
    except NotAnOperator:
        flash("This account is not an administrator's.")
        return redirect(url_for("console.sign_in"))
    session.clear()  # a new name for the session: one that somebody planted before is worth nothing
    login_user(operator, remember=is_remembered)
    return redirect(url_for("console.dashboard"))


def address() -> str:
    """Whose attempt to sign in auth counts."""
    return request.remote_addr or ""
