"""An example of the body of each operation that takes one, for the OpenAPI document."""

from typing import Any

ACCOUNT_ID = "0192f3a4-7c1e-7d2b-9a55-3f8c6b1d2e4f"

EXAMPLES: dict[str, Any] = {
    "meChange": {"name": "Ada Lovelace", "locale": "de", "timezone": "Europe/Berlin"},
    "meLeave": {"password": "plum-harbour-93-kettle"},
    "profilesChange": {"name": "Ada Lovelace", "admin_metadata": {"customer": "4711"}},
    "organizationsCreate": {"name": "Analytical Engines", "slug": "analytical-engines"},
    "organizationsChange": {"name": "Analytical Engines Ltd"},
    "organizationsTransfer": {"account_id": ACCOUNT_ID},
    "organizationsChangeMember": {"role": "admin"},
    "organizationsInvite": {"email": "grace@example.org", "role": "member"},
    "invitationsAccept": {"email": "grace@example.org", "code": "492816"},
}
