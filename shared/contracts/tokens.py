"""The claims of the tokens that travel between client, gateway and services (RFC 7519, RFC 9068)."""

from typing import Literal

# RFC 7518 section 3.1, RFC 8037 section 3.1; EdDSA by Ed25519
Algorithm = Literal["HS256", "EdDSA", "ES256", "RS256"]

# The issuer of access tokens is PUBLIC_URL. Service tokens have this one, and so have access tokens of the
# release before, which are accepted until they expire.
ISSUER = "doorward"
AUDIENCE = "doorward"
INTERNAL_AUDIENCE = "internal"
ACCESS_TYPE = "at+jwt"
SERVICE_TYPE = "service+jwt"

SUBJECT = "sub"  # the account's id
SESSION = "sid"  # the session's id
VERSION = "ver"  # the account's token version; a higher one ends all older tokens
PAIR = "pair"  # the number of the token pair in its session
ROLES = "roles"  # list of role names
ORGANIZATION = "org"  # the organization that the session works for: its id, and the account's role in it
SCOPE = "scope"  # space-separated scopes (RFC 8693 section 4.2); absent: a person's own session
OWN_ACCOUNT_SCOPE = "account"  # what an API key needs to act as its account on what is the account's own
SEND_SCOPE = "notifications:send"  # to send messages; with `:<topic>` behind it, about this topic alone
TOPIC_NAME = r"[a-z0-9][a-z0-9_.\-]{0,63}"
METHODS = "amr"  # how the caller proved itself (RFC 8176)
AUTHENTICATED_AT = "auth_time"  # when it last did, unix seconds

# Where auth tells the gateways which tokens are dead before their time (see docs/messages.md).
REVOCATION_CHANNEL = "doorward:revocations"
REVOCATION_SET = "doorward:revoked"

# auth's worker says once a second that revocations arrive, so that gateways know when they do not.
REVOCATION_PULSE_CHANNEL = "doorward:revocations:pulse"

# Where the gateways report which token pairs have reached their clients (see docs/messages.md).
RECEIPTS = "doorward:receipts"
RECEIPTS_SINCE = "doorward:receipts:since"
