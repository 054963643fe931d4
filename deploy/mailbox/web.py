"""The HTTP side: the JSON API that tests read, the page that people read."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, TypeVar

from flask import Flask, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.mailbox.chaos import Chaos, Switches
from deploy.mailbox.mail import Mail
from deploy.mailbox.store import Store
from shared.chassis import errors

# The page brings all that it needs; a mail is shown in a frame of its own, which may nothing but
# open a link in a new tab.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;"
    " style-src 'unsafe-inline'; frame-ancestors 'self'"
)


Model = TypeVar("Model", bound=BaseModel)


class MessageNotFound(errors.NotFound):
    """The mail was never received, or is no longer kept."""

    code = "message_not_found"
    detail = "No mail with this id is kept."


class ListQuery(BaseModel):
    """What the list of mails can be asked for."""

    model_config = ConfigDict(extra="forbid")

    to: str | None = None
    limit: int = Field(50, ge=1, le=5000)


class ServerNotFound(errors.NotFound):
    """No listener has this port."""

    code = "server_not_found"
    detail = "No mail server listens on this port."


def create_app(store: Store, chaos_of: Mapping[int, Chaos], *, is_on_loopback: bool) -> Flask:
    """The WSGI application over ``store`` and the faults of each listener; the first is the usual one."""
    app = Flask(__name__, static_folder="page", static_url_path="/page")
    app.url_map.redirect_defaults = False  # the first listener has two addresses, and both answer
    errors.install(app)
    if is_on_loopback:
        app.before_request(_refuse_strange_hosts)
    app.after_request(_add_security_headers)
    _add_list_routes(app, store)
    _add_message_routes(app, store)
    _add_chaos_routes(app, chaos_of)

    @app.get("/")
    def page() -> Response:
        return app.send_static_file("index.html")

    @app.get("/livez")
    @app.get("/readyz", endpoint="readyz")
    def livez() -> Response:
        return jsonify(status="pass")

    return app


def _add_list_routes(app: Flask, store: Store) -> None:
    @app.get("/api/messages")
    def list_messages() -> Response:
        query = _read(ListQuery, request.args.to_dict())
        revision = store.revision
        if revision in request.if_none_match:
            return Response(status=304)
        response = jsonify([mail.as_dict() for mail in store.newest(to=query.to, limit=query.limit)])
        response.set_etag(revision)
        return response

    @app.delete("/api/messages")
    def delete_messages() -> Response:
        store.clear()
        return Response(status=204)


def _add_message_routes(app: Flask, store: Store) -> None:
    @app.get("/api/messages/<mail_id>")
    def get_message(mail_id: str) -> Response:
        return jsonify(_get(store, mail_id).as_dict())

    @app.get("/api/messages/<mail_id>/raw")
    def get_raw_message(mail_id: str) -> Response:
        return Response(_get(store, mail_id).content, content_type="text/plain; charset=utf-8")

    @app.get("/messages/<mail_id>/html")
    def show_html(mail_id: str) -> Response:
        html = _get(store, mail_id).html()
        if html is None:
            raise MessageNotFound
        response = Response(f'<base target="_blank">{html}', content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = MAIL_POLICY
        return response


def _get(store: Store, mail_id: str) -> Mail:
    mail = store.find(mail_id)
    if mail is None:
        raise MessageNotFound
    return mail


def _add_chaos_routes(app: Flask, chaos_of: Mapping[int, Chaos]) -> None:
    first = next(iter(chaos_of))

    @app.get("/api/servers")
    def list_servers() -> Response:
        return jsonify(
            [{"port": port, "chaos": chaos.switches.model_dump()} for port, chaos in chaos_of.items()]
        )

    @app.get("/api/chaos", defaults={"port": first})
    @app.get("/api/servers/<int:port>/chaos")
    def get_chaos(port: int) -> Response:
        return jsonify(_chaos(chaos_of, port).switches.model_dump())

    @app.put("/api/chaos", defaults={"port": first})
    @app.put("/api/servers/<int:port>/chaos")
    def put_chaos(port: int) -> Response:
        chaos = _chaos(chaos_of, port)
        chaos.set(_read(Switches, request.get_json()))
        return jsonify(chaos.switches.model_dump())

    @app.delete("/api/chaos", defaults={"port": first})
    @app.delete("/api/servers/<int:port>/chaos")
    def delete_chaos(port: int) -> Response:
        _chaos(chaos_of, port).set(Switches())
        return Response(status=204)


def _chaos(chaos_of: Mapping[int, Chaos], port: int) -> Chaos:
    if port not in chaos_of:
        raise ServerNotFound
    return chaos_of[port]


def _read(kind: type[Model], content: Any) -> Model:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        mistakes = [
            {"pointer": "/" + "/".join(map(str, mistake["loc"])), "detail": mistake["msg"]}
            for mistake in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise errors.InvalidRequest(errors=mistakes) from error


def _refuse_strange_hosts() -> None:
    """Refuse a page elsewhere that makes its own name point here (DNS rebinding) to read the codes."""
    host = request.host.rsplit(":", 1)[0].strip("[]")
    if "." in host and not host.endswith(".localhost"):
        try:
            ip_address(host)
        except ValueError as error:
            raise errors.Forbidden("The mailbox answers to addresses and to localhost only.") from error


def _add_security_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
