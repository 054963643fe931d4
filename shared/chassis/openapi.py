"""flask-smorest with our errors and our strictness: a body that is not JSON answers 400 or 415,
one that is invalid 422, and every operation documents the problem document that any error is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Any, TypeVar

import flask_smorest
import orjson
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask, Response
from marshmallow import RAISE, Schema
from webargs import missing
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from shared.chassis import errors, json_bodies, operations
from shared.chassis.schemas import ProblemSchema

OPENAPI_VERSION = "3.1.0"
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
F = TypeVar("F", bound=Callable[..., Any])


class StrictParser(FlaskParser):
    """webargs' parser, made strict: by itself it takes a body of another media type for an empty one,
    and Python's json module takes NaN and lone surrogates.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012  (webargs' own name and form)
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
        "form": RAISE,
    }

    def load_json(self, req: Any, schema: Schema) -> Any:
        """The JSON body; raises 415 where a body came under another name."""
        has_body = bool(req.content_length) or "Transfer-Encoding" in req.headers
        if has_body and not is_json_request(req):
            raise UnsupportedMediaType
        return super().load_json(req, schema)

    def _raw_load_json(self, req: Any) -> Any:
        if not is_json_request(req):
            return missing
        body = req.get_data(cache=True)
        try:
            return json_bodies.loads(body)
        except orjson.JSONDecodeError as error:
            # webargs takes an error without a document for an absent body.
            raise JSONDecodeError(error.msg, doc="" if not body else "…", pos=0) from error
        except json_bodies.BodyRefused as error:
            raise errors.InvalidRequest.at("", str(error)) from error


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose arguments are parsed strictly, and whose operations have ids."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.operations: dict[str, Callable[..., Any]] = {}

    def route(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Register a view; generated clients call it by its ``operationId``."""
        register = super().route(rule, **options)

        def decorate(view: F) -> F:
            name = operation_id(self.name, view.__name__)
            documented = self.doc(operationId=name)(view)
            self.operations[name] = documented
            registered: F = register(documented)
            return registered

        return decorate


class Converter(OpenAPIConverter):
    """apispec's, without defaults of null, which some generators take for members that must be sent."""

    def field2default(self, field: Any, **options: Any) -> dict[str, Any]:
        """The default of a member, where it says something."""
        found: dict[str, Any] = super().field2default(field, **options)
        return {} if found.get("default", ...) is None else found


class Plugin(MarshmallowPlugin):
    """apispec's, with that converter."""

    Converter = Converter


def operation_id(blueprint: str, view: str) -> str:
    """What a generated client calls the operation: ``api_keys`` and ``create`` give ``apiKeysCreate``."""
    words = blueprint if blueprint == view else f"{blueprint}_{view}"
    first, *others = words.split("_")
    return first + "".join(word.capitalize() for word in others)


class Api(flask_smorest.Api):
    """The OpenAPI document of one service, served at `/openapi.json`."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer as the rest of the process does."""
        return errors.handle_http_exception(error)

    def document_problems(self) -> None:
        """Give every operation its `default` response: any error is a problem document."""
        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
        for operation in self._operations():
            responses = operation.setdefault("responses", {})
            for status in [status for status in responses if str(status)[0] in "45"]:
                del responses[status]
            responses["default"] = {
                "description": "Any other error, as problem details (RFC 9457).",
                "content": {errors.PROBLEM_TYPE: problem},
            }

    def describe(self, views: Mapping[str, Callable[..., Any]], own: "Own") -> None:
        """Add what the views of the operations say of themselves, their errors and examples."""
        known = operations.known_refusals(own.passed_on)
        for operation in self._operations():
            name = operation["operationId"]
            refusals = [known[code] for code in own.codes.get(name, ())]
            operations.describe(operation, views[name], refusals, example=own.examples.get(name))

    def _operations(self) -> Iterator[dict[str, Any]]:
        for path in self.spec._paths.values():
            yield from (operation for method, operation in path.items() if method in METHODS)


@dataclass(frozen=True, slots=True)
class Own:
    """What a service knows of its operations, by their ids."""

    codes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of its errors
    passed_on: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # errors of other services
    examples: Mapping[str, Any] = field(default_factory=dict)  # of bodies


def new_api(
    app: Flask,
    *,
    title: str,
    blueprints: list[Blueprint],
    own: Own = Own(),
) -> Api:
    """Register ``blueprints`` on ``app`` and document them."""
    app.config.update(
        API_TITLE=title,
        API_VERSION="v1",
        OPENAPI_VERSION=OPENAPI_VERSION,
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(
        app,
        spec_kwargs={"marshmallow_plugin": Plugin(schema_name_resolver=_schema_name)},
    )
    _describe_security(api.spec)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    api.document_problems()
    views = {name: view for blueprint in blueprints for name, view in blueprint.operations.items()}
    api.describe(views, own)
    return api


def _describe_security(spec: APISpec) -> None:
    spec.components.security_scheme("bearer", operations.BEARER)


def _schema_name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__).removesuffix("Schema")
