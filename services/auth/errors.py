"""The errors of auth.

ApiError
├── Unauthorized
│   ├── InvalidCredentials     401  invalid_credentials
│   ├── MfaRequired            401  mfa_required
│   ├── SecondFactorRequired   401  second_factor_required
│   ├── MfaTokenInvalid        401  mfa_token_invalid
│   ├── PasskeyInvalid         401  passkey_invalid
│   ├── ApiKeyUnknown          401  api_key_unknown
│   ├── RefreshTokenInvalid    401  refresh_token_invalid
│   ├── RefreshTokenExpired    401  refresh_token_expired
│   ├── RefreshTokenReused     401  refresh_token_reused
│   └── SessionRevoked         401  session_revoked
├── Forbidden
│   ├── AccountDisabled        403  account_disabled
│   ├── OrganizationNotJoined  403  organization_not_joined
│   ├── FreshSignInRequired    403  fresh_sign_in_required, of the chassis
│   ├── SignUpClosed           403  sign_up_closed
│   ├── DomainRefused          403  domain_refused
│   └── ScopeNotGrantable      403  scope_not_grantable
├── CodeInvalid                400  code_invalid
├── NotFound
│   ├── AccountNotFound        404  account_not_found
│   ├── SessionNotFound        404  session_not_found
│   ├── ApiKeyNotFound         404  api_key_not_found
│   ├── PasskeyNotFound        404  passkey_not_found
│   └── DeviceNotFound         404  device_not_found
├── Conflict
│   ├── AddressTaken           409  address_taken
│   ├── TotpAlreadyEnabled     409  totp_already_enabled
│   ├── TotpNotEnabled         409  totp_not_enabled
│   ├── SecondFactorsMissing   409  second_factors_missing
│   ├── TooManyCredentials     409  too_many_credentials
│   ├── LastAdministrator      409  last_administrator
│   └── OwnAccount             409  own_account
├── InvalidRequest
│   ├── PasswordMissing        422  password_missing
│   ├── PasswordTooWeak        422  password_too_weak
│   └── PasswordBreached       422  password_breached
├── TooManyRequests
│   └── TooManyAttempts        429  too_many_attempts
└── Unavailable
    └── PasswordHashingBusy    503  password_hashing_busy
"""

from secrets import randbelow

from shared.chassis import errors
from shared.chassis.access import FreshSignInRequired as FreshSignInRequired

RETRIES_WITHIN_SECONDS = 10


class InvalidCredentials(errors.Unauthorized):
    """The address or the password is wrong; the answer does not say which."""

    code = "invalid_credentials"
    detail = "The address or the password is wrong."


class MfaRequired(errors.Unauthorized):
    """The password is correct; a second factor is required, by ``mfa_token`` and ``methods``."""

    code = "mfa_required"
    detail = "Send a second factor with this mfa_token."


class SecondFactorRequired(errors.Unauthorized):
    """The account has a second factor, whose code is required too."""

    code = "second_factor_required"
    detail = "Send a code from the second factor with the password."


class MfaTokenInvalid(errors.Unauthorized):
    """The mfa_token is unknown, has expired or was used."""

    code = "mfa_token_invalid"
    detail = "This mfa_token is not valid any more; sign in again."


class PasskeyInvalid(errors.Unauthorized):
    """The passkey's response does not match the challenge, or the passkey is unknown."""

    code = "passkey_invalid"
    detail = "This passkey was not accepted; start again."


class ApiKeyUnknown(errors.Unauthorized):
    """The API key is unknown, has expired or was deleted; only the gateway sees this code."""

    code = "api_key_unknown"
    detail = "This API key is not valid."


class RefreshTokenInvalid(errors.Unauthorized):
    """The refresh token was not issued here."""

    code = "refresh_token_invalid"
    detail = "This is not a valid refresh token."


class RefreshTokenExpired(errors.Unauthorized):
    """The session was idle for too long, or has reached its last day."""

    code = "refresh_token_expired"
    detail = "The session has expired; sign in again."


class RefreshTokenReused(errors.Unauthorized):
    """An old refresh token was used again: it was copied, so the session has been ended."""

    code = "refresh_token_reused"
    detail = "This refresh token was used before; the session has been ended. Sign in again."


class SessionRevoked(errors.Unauthorized):
    """The session was ended before."""

    code = "session_revoked"
    detail = "This session has ended; sign in again."


class AccountDisabled(errors.Forbidden):
    """The credentials are correct, but an administrator has disabled the account."""

    code = "account_disabled"
    detail = "This account is disabled."


class SignUpClosed(errors.Forbidden):
    """Sign-up is closed; the same for every address."""

    code = "sign_up_closed"
    detail = "Signing up is not open here; ask an administrator for an invitation."


class DomainRefused(errors.Forbidden):
    """Addresses of this domain may not be used here; the same for every address of it."""

    code = "domain_refused"
    detail = "Addresses of this domain cannot be used here."


class ScopeNotGrantable(errors.Forbidden):
    """Only an administrator may make a key with these scopes."""

    code = "scope_not_grantable"
    detail = "This account is not allowed to create a key with these scopes."


class CodeInvalid(errors.ApiError):
    """The code or link is wrong, has expired, was used, or was replaced by a newer one."""

    status = 400
    code = "code_invalid"
    detail = (
        "This code or link does not fit: if it was mistyped, enter it again as the newest mail has it; if it "
        "is older than the mail says, or there was a newer one, ask for another."
    )


class AccountNotFound(errors.NotFound):
    """No account has this id."""

    code = "account_not_found"
    detail = "There is no such account."


class SessionNotFound(errors.NotFound):
    """The caller has no active session with this id."""

    code = "session_not_found"
    detail = "There is no such session."


class ApiKeyNotFound(errors.NotFound):
    """The caller has no API key with this id."""

    code = "api_key_not_found"
    detail = "There is no such API key."


class PasskeyNotFound(errors.NotFound):
    """The caller has no passkey with this id."""

    code = "passkey_not_found"
    detail = "There is no such passkey."


class DeviceNotFound(errors.NotFound):
    """The caller has no known device with this id."""

    code = "device_not_found"
    detail = "There is no such device."


class AddressTaken(errors.Conflict):
    """Another account has this address; only administrators and the owner of the address see this code."""

    code = "address_taken"
    detail = "Another account has this address."


class TotpAlreadyEnabled(errors.Conflict):
    """The account has an authenticator; it must be removed before another one is added."""

    code = "totp_already_enabled"
    detail = "An authenticator is set up already; remove it first."


class TotpNotEnabled(errors.Conflict):
    """The account has no authenticator, or none that is confirmed."""

    code = "totp_not_enabled"
    detail = "No authenticator is set up."


class SecondFactorsMissing(errors.Conflict):
    """The account has neither an authenticator nor a passkey that could be removed."""

    code = "second_factors_missing"
    detail = "This account has no second factors."


class TooManyCredentials(errors.Conflict):
    """The account has the maximum number of API keys or passkeys."""

    code = "too_many_credentials"
    detail = "This account has too many of these; delete one first."


class LastAdministrator(errors.Conflict):
    """This account is the last administrator."""

    code = "last_administrator"
    detail = "This is the last administrator; make another one first."


class OwnAccount(errors.Conflict):
    """An administrator cannot disable or demote their own account, which nobody might be able to undo."""

    code = "own_account"
    detail = "Ask another administrator to change this account."


class PasswordMissing(errors.InvalidRequest):
    """The account has a password, which is required here."""

    code = "password_missing"
    detail = "Send the password of this account."

    def __init__(self) -> None:
        super().__init__(errors=[{"pointer": "/password", "detail": self.detail}])


class PasswordTooWeak(errors.InvalidRequest):
    """The new password is too easy to guess; ``errors`` says why."""

    code = "password_too_weak"
    detail = "This password is too easy to guess."


class PasswordBreached(errors.InvalidRequest):
    """The new password is in a list of passwords from data breaches."""

    code = "password_breached"
    detail = "This password is known from data breaches, so attackers try it first; choose another one."


class TooManyAttempts(errors.TooManyRequests):
    """Too many failed attempts on this account or from this client; Retry-After says how long to wait."""

    code = "too_many_attempts"
    detail = "Too many failed attempts; wait as long as Retry-After says."


class PasswordHashingBusy(errors.Unavailable):
    """The pool of password computations and its queue are full."""

    code = "password_hashing_busy"
    detail = "Too many sign-ins at this moment; try again shortly."
    is_logged = False  # a storm would write a line each; doorward_http_requests_total counts them

    def __init__(self) -> None:
        # Everybody a time of their own: those who were refused together must not come back together.
        super().__init__(headers={"Retry-After": str(1 + randbelow(RETRIES_WITHIN_SECONDS))})


class OrganizationNotJoined(errors.Forbidden):
    """The session was requested for an organization that the account is not a member of."""

    code = "organization_not_joined"
    detail = "This account is not a member of that organization."
