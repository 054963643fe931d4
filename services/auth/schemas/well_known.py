"""The bodies of `/.well-known`."""

from marshmallow import fields

from shared.chassis.schemas import Schema


class KeySetSchema(Schema):
    """A JSON Web Key Set."""

    keys = fields.List(fields.Dict(), required=True)


class ServerMetadataSchema(Schema):
    """The metadata of an authorization server (RFC 8414 section 2)."""

    issuer = fields.Url(required=True, metadata={"description": "The `iss` of access tokens."})
    jwks_uri = fields.Url(required=True)
    introspection_endpoint = fields.Url(required=True)
    introspection_endpoint_auth_methods_supported = fields.List(fields.String(), required=True)
    revocation_endpoint = fields.Url(required=True)
    revocation_endpoint_auth_methods_supported = fields.List(fields.String(), required=True)
    scopes_supported = fields.List(fields.String(), required=True)
    response_types_supported = fields.List(fields.String(), required=True)
    grant_types_supported = fields.List(fields.String(), required=True)
    service_documentation = fields.Url(required=True)
