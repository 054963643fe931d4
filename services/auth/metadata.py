"""What auth says of itself to programs that know OAuth (RFC 8414)."""

from typing import Any

from services.auth.api_keys.scopes import all_scopes
from services.auth.deps import deps

API = "/api/v1/auth"


def describe() -> dict[str, Any]:
    """The metadata of the authorization server: what there is, and nothing that there is not.

    There is no authorization endpoint and no token endpoint: people sign in by the calls of this API.
    """
    settings = deps().settings
    issuer = settings.issuer
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "introspection_endpoint": f"{issuer}{API}/introspect",
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "revocation_endpoint": f"{issuer}{API}/revoke",
        "revocation_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": all_scopes(settings.scopes),
        "response_types_supported": [],
        "grant_types_supported": [],
        "service_documentation": f"{issuer}/docs/",
    }
