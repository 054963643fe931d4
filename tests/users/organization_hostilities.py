"""Operations on organizations that nobody may do: by strangers, by members of too low a role, by the last
owner, with the invitations of others.
"""

from uuid import UUID

from services.users.models import Invitation
from shared.chassis.ids import new_id
from tests.users.organization_operations import OF_ADMINS, OF_OWNERS, OF_TWO, View
from tests.users.organization_world import Operation
from tests.users.organizations import Person

ALL = (
    *(f"outsider: {kind}" for kind in ("show", "members", *OF_ADMINS, *OF_OWNERS)),
    *(f"member: {kind}" for kind in (*OF_ADMINS, *OF_OWNERS)),
    *(f"last owner: {kind}" for kind in ("leave", "change_member")),
    "foreign: accept_id", "foreign: decline", "foreign: revoke", "settled: accept_id", "wrong: accept_code",
    "wrong: accept_token", "admin: invite", "admin: change_member", "admin: remove_member", "admin: delete",
    "owner: change_member", "owner: remove_member", "owner: transfer",
)  # fmt: skip


def find(view: View, hostility: str) -> Operation | None:
    """One of that name, where there is somebody to try it."""
    who, kind = hostility.split(": ")
    with_invitation = who in {"foreign", "settled", "wrong"}
    found = _with_an_invitation(view, who, kind) if with_invitation else _in_an_organization(view, who, kind)
    return view.one_or_none([each._replace(hostility=hostility) for each in found])


def _in_an_organization(view: View, who: str, kind: str) -> list[Operation]:
    return [
        Operation(kind, actor, id_, other, _role(who), invitation=_any_invitation(view, id_))
        for id_, roles in view.roles.items()
        for actor in view.people
        for other in view.people
        if _may_not(who, kind, actor, other, roles)
    ]


def _role(who: str) -> str:
    """What is asked for: to become less, or to make somebody an owner."""
    return "member" if who == "last owner" else "owner"


def _may_not(who: str, kind: str, actor: Person, other: Person, roles: dict[UUID, str]) -> bool:
    role, others = roles.get(actor.id), roles.get(other.id)
    if who == "outsider":
        return role is None
    if who == "member":
        return role == "member" and (kind not in OF_TWO or others == "owner")
    if who == "admin":
        return role == "admin" and (kind not in OF_TWO or others == "owner")
    if who == "owner":  # on somebody who is no member
        return role == "owner" and others is None
    return role == "owner" and other is actor and list(roles.values()).count("owner") == 1


def _any_invitation(view: View, id_: str) -> str:
    return next((str(each.id) for each in view.open(id_)), str(new_id()))


def _with_an_invitation(view: View, who: str, kind: str) -> list[Operation]:
    if who == "wrong":
        code = {"email": view.one(view.people).email, "code": "000000"}
        proof = {"token": "x" * 43} if kind == "accept_token" else code
        return [Operation(kind, actor, proof=proof) for actor in view.people]
    found = []
    for each in view.invitations:
        for actor in view.people:
            if kind == "revoke" and each.status == "pending":
                found += _revoked_elsewhere(view, each, actor)
            elif kind != "revoke" and who == (
                "foreign" if each.email != actor.email else "settled" if each.settled_at else ""
            ):
                found.append(Operation(kind, actor, invitation=str(each.id)))
    return found


def _revoked_elsewhere(view: View, invitation: Invitation, actor: Person) -> list[Operation]:
    """By somebody who may, but in another organization."""
    return [
        Operation("revoke", actor, id_, invitation=str(invitation.id))
        for id_, roles in view.roles.items()
        if id_ != str(invitation.organization_id) and roles.get(actor.id) == "owner"
    ]
