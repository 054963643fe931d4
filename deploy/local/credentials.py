"""The secrets of this machine: made once, kept in the data folder, readable by its owner alone."""

import secrets

from deploy.local.errors import FolderUnusable
from deploy.local.folder import DataFolder

FILE = "secrets.json"
NAMES = (
    "jwt_secret_key",
    "auth_secret_key",
    "gateway_session_secret_key",
    "postgres_password",
    "auth_database_password",
    "users_database_password",
    "notifications_database_password",
    "valkey_password",
)


def ensure(folder: DataFolder) -> dict[str, str]:
    """The secrets by name; what is missing is made and kept.

    Raises FolderUnusable where they are gone but the databases are there: what is sealed in them
    could never be opened with new ones.
    """
    try:
        kept = folder.read(FILE)
    except ValueError as error:
        raise _lost(folder, "cannot be read") from error
    if kept is None and (folder.path / "postgres").exists():
        raise _lost(folder, "is missing")
    complete = {name: secrets.token_urlsafe(48) for name in NAMES} | (kept or {})
    if kept is not None and "auth_secret_key" not in kept:
        # What auth has sealed until now, it sealed with the secret that all processes share.
        complete["auth_previous_secret_keys"] = kept["jwt_secret_key"]
    if complete != kept:
        folder.write(FILE, complete)
    return complete


def _lost(folder: DataFolder, what: str) -> FolderUnusable:
    return FolderUnusable(
        f"{folder.path / FILE} {what}, and the databases beside it depend on it; restore the file, "
        f"or delete {folder.path} to start with empty databases."
    )
