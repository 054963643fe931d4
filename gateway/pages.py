"""What the gateway answers itself beside the console: its root, the API's document and page, security.txt."""

import base64
import hashlib
import re
from datetime import timedelta

from flask import Blueprint, Response, jsonify, redirect, request
from flask_cors import CORS
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.wrappers import Response as WerkzeugResponse

from gateway.asgi import AsgiFlask
from gateway.merged_document import MergedDocument
from gateway.openapi import served_at
from gateway.settings import GatewaySettings
from shared.chassis.clock import utcnow

_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
SECURITY_TXT_LIFETIME = timedelta(days=180)


def install(app: AsgiFlask, settings: GatewaySettings, document: MergedDocument) -> None:
    """Serve `/`, `/openapi.json`, `/docs` and `/.well-known/security.txt`."""
    blueprint = Blueprint("pages", __name__)

    # Both are public: any page may read them, without credentials.
    CORS(blueprint, origins="*", methods=["GET"], send_wildcard=True)

    @blueprint.get("/openapi.json")
    async def openapi() -> Response:
        response = jsonify(served_at(request.host_url, await document.current()))
        response.headers["Cache-Control"] = "public, max-age=30"
        response.vary.add("Host")
        return response

    @blueprint.get("/")
    def root() -> WerkzeugResponse:
        return redirect("/docs/")

    @blueprint.get("/.well-known/security.txt")
    def security_txt() -> Response:
        return Response(_security_txt(settings), content_type="text/plain; charset=utf-8")

    app.register_blueprint(blueprint)
    docs = get_swaggerui_blueprint(
        "/docs",
        "/openapi.json",
        # Without the bar in which to type another document's address: the policy below allows none.
        config={"app_name": f"{settings.brand_name or 'Doorward'} API", "layout": "BaseLayout"},
        blueprint_name="docs",
    )
    docs.after_request(_confine)
    app.register_blueprint(docs)


def _security_txt(settings: GatewaySettings) -> str:
    """RFC 9116; without a setting the mailbox that RFC 2142 names for it."""
    contact = settings.security_contact or f"mailto:security@{settings.public_url.host}"
    expires = (utcnow() + SECURITY_TXT_LIFETIME).strftime("%Y-%m-%dT00:00:00Z")
    canonical = f"{str(settings.public_url).rstrip('/')}/.well-known/security.txt"
    return f"Contact: {contact}\nExpires: {expires}\nCanonical: {canonical}\n"


def _confine(response: Response) -> Response:
    """Let the page run its own scripts and call its own origin, and nothing else."""
    scripts = ""
    if response.mimetype == "text/html" and not response.direct_passthrough:
        scripts = "".join(_source(script) for script in _INLINE_SCRIPT.findall(response.get_data()))
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _source(script: bytes) -> str:
    """The source expression that allows this very script (CSP level 3, section 2.3.1)."""
    return f" 'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
