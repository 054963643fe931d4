"""What is wrong with an Idempotency-Key, as the API answers it."""

from shared.chassis import errors


class IdempotencyKeyInvalid(errors.ApiError):
    """The Idempotency-Key header is empty, too long or not printable ASCII."""

    status = 400
    code = "idempotency_key_invalid"
    detail = "Idempotency-Key must be 1 to 255 printable ASCII characters."


class IdempotencyKeyReused(errors.InvalidRequest):
    """The key was used before, with another body."""

    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used with another request."


class IdempotentRequestRunning(errors.Conflict):
    """The first request with this key is still running."""

    code = "idempotent_request_running"
    detail = "The first request with this Idempotency-Key is still running."
