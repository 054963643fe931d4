"""An example of the body of each operation that takes one, for the OpenAPI document."""

from typing import Any

EMAIL = "ada@example.org"
PASSWORD = "plum-harbour-93-kettle"  # noqa: S105  (an example)
CODE = "492816"
LINK_TOKEN = "b3J3YXJkLWV4YW1wbGUtbGluay10b2tlbi0wMDAwMDAwMQ"  # noqa: S105
REFRESH_TOKEN = "dwr_0192f3a4-7c1e-7d2b-9a55-3f8c6b1d2e4f"  # noqa: S105
CREDENTIAL = {
    "id": "c29tZS1jcmVkZW50aWFsLWlk",
    "rawId": "c29tZS1jcmVkZW50aWFsLWlk",
    "type": "public-key",
    "clientExtensionResults": {},
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0",
        "attestationObject": "o2NmbXRkbm9uZQ",
    },
}
ASSERTION = {
    **CREDENTIAL,
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
        "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ",
        "signature": "MEUCIQDx",
    },
}

EXAMPLES: dict[str, Any] = {
    "register": {"email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace", "locale": "en"},
    "verifyEmailVerify": {"email": EMAIL, "code": CODE},
    "verifyEmailResend": {"email": EMAIL},
    "login": {"email": EMAIL, "password": PASSWORD},
    "refresh": {"refresh_token": REFRESH_TOKEN},
    "reauthenticate": {"password": PASSWORD, "code": CODE},
    "passwordForget": {"email": EMAIL},
    "passwordReset": {"email": EMAIL, "code": CODE, "password": "walnut-ferry-28-lantern"},
    "passwordChange": {"current_password": PASSWORD, "new_password": "walnut-ferry-28-lantern"},
    "emailCodeAskForCode": {"email": EMAIL},
    "emailCodeVerifyCode": {"email": EMAIL, "code": CODE},
    "emailAskForChange": {"new_email": "ada.lovelace@example.org", "password": PASSWORD},
    "emailConfirmChange": {"code": CODE},
    "emailUndoChange": {"token": LINK_TOKEN},
    "mfaConfirm": {"code": CODE},
    "mfaRemove": {"password": PASSWORD},
    "mfaVerify": {"mfa_token": LINK_TOKEN, "code": CODE},
    "passkeysAdd": {"passkey_token": LINK_TOKEN, "credential": CREDENTIAL, "name": "Ada's laptop"},
    "passkeysRename": {"name": "Ada's phone"},
    "passkeysFinishSignIn": {"passkey_token": LINK_TOKEN, "credential": ASSERTION},
    "apiKeysCreate": {"name": "Nightly report", "scopes": ["account"]},
    "introspect": {"token": REFRESH_TOKEN},
    "revoke": {"token": REFRESH_TOKEN},
    "accountsCreate": {"email": "grace@example.org", "name": "Grace Hopper", "locale": "en", "invite": True},
    "accountsChange": {"is_active": False},
}
