"""The roles in an organization, and who may do what to whom. Pure.

Nobody gives a role above one's own, and nobody changes or removes somebody who stands above.
"""

OWNER, ADMIN, MEMBER = "owner", "admin", "member"
ROLES = (MEMBER, ADMIN, OWNER)  # from the lowest to the highest


def is_at_least(role: str, wanted: str) -> bool:
    """Whether ``role`` may do what ``wanted`` may."""
    return ROLES.index(role) >= ROLES.index(wanted)


def may_give(actor: str, role: str) -> bool:
    """Whether somebody with the role ``actor`` may invite somebody as ``role``."""
    return is_at_least(actor, ADMIN) and is_at_least(actor, role)


def may_change(actor: str, *, before: str, after: str) -> bool:
    """Whether somebody with the role ``actor`` may make a member with the role ``before`` an ``after``."""
    return may_give(actor, before) and may_give(actor, after)
