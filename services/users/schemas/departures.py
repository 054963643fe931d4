"""The bodies of leaving."""

from shared.chassis.schemas import Schema, Secret, Timestamp

LONGEST_PASSWORD = 1024


class LeaveSchema(Schema):
    """That the caller's account shall be deleted."""

    password = Secret(
        maximum=LONGEST_PASSWORD,
        load_default=None,
        metadata={"description": "Of an account without one: nothing, within minutes of signing in."},
    )


class DepartureSchema(Schema):
    """When the account will be deleted, unless its owner signs in before."""

    deletes_at = Timestamp(required=True)
