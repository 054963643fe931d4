"""Random operations on organizations that should succeed: by somebody who may, on what there is.

Every kind comes as often as every other; what it needs, an invitation or a second member, is made first.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar
from uuid import UUID

from services.users.models import Invitation
from services.users.organizations import codes
from tests.users.organization_world import Operation, World
from tests.users.organizations import Person, mails_to

Choice = TypeVar("Choice")
KINDS = (
    "create", "list", "show", "change", "delete", "transfer", "events", "members", "change_member",
    "remove_member", "leave", "invitations", "invite", "revoke", "list_own", "accept_token", "accept_code",
    "accept_id", "decline", "erase",
)  # fmt: skip
ROLES = "member", "admin", "owner"
OF_ADMINS = "change", "events", "change_member", "remove_member", "invitations", "invite", "revoke"
OF_OWNERS = "delete", "transfer"
OF_TWO = "change_member", "remove_member", "transfer"
# change_member and remove_member: an admin may as well, but not everything
LEAST_ROLE = {**dict.fromkeys(OF_ADMINS, "admin"), **dict.fromkeys((*OF_OWNERS, *OF_TWO), "owner")}
OF_INVITED = "accept_token", "accept_code", "accept_id", "decline"


class View:
    """A world as it is now, and who may do what in it."""

    def __init__(self, world: World, chance: Random) -> None:
        self._chance = chance
        self._app = world.app
        self.people = world.people
        self.roles: dict[str, dict[UUID, str]] = {}
        for each in world.memberships():
            if str(each.organization_id) in world.markers:
                self.roles.setdefault(str(each.organization_id), {})[each.account_id] = each.role
        self.invitations = [each for each in world.invitations() if str(each.organization_id) in self.roles]

    def sensible(self, kind: str) -> Operation:
        """One of that kind that should succeed, or one without which none can."""
        if kind in {"create", "list", "list_own", "erase"}:
            return Operation(kind, self.one(self.people))
        found = self.one_or_none(self._of_invited(kind) if kind in OF_INVITED else self._of_members(kind))
        if found is not None:
            return found
        if kind in {*OF_TWO, "leave"}:
            return self.one_or_none(self._of_invited("accept_token")) or self.sensible("invite")
        return self.sensible("create" if kind == "invite" or not self.roles else "invite")

    def _of_members(self, kind: str) -> list[Operation]:
        return [
            operation
            for id_, roles in self.roles.items()
            for actor in self._with(roles, LEAST_ROLE.get(kind, "member"))
            for operation in self._by_member(kind, id_, actor)
        ]

    def _by_member(self, kind: str, id_: str, actor: Person) -> list[Operation]:
        roles = self.roles[id_]
        others = [other for other in self._with(roles, "member") if other is not actor]
        is_last = roles[actor.id] == "owner" and list(roles.values()).count("owner") == 1
        if kind == "leave":
            return [] if is_last else [Operation(kind, actor, id_)]
        if kind in OF_TWO:
            return [Operation(kind, actor, id_, other, self.one(ROLES)) for other in others]
        if kind == "invite":
            strangers = [each for each in self.people if each.id not in roles and not self.open(id_, each)]
            return [Operation(kind, actor, id_, each, self.one(ROLES[:2])) for each in strangers]
        if kind == "revoke":
            return [Operation(kind, actor, id_, invitation=str(each.id)) for each in self.open(id_)]
        return [Operation(kind, actor, id_)]

    def _of_invited(self, kind: str) -> list[Operation]:
        return [
            Operation(
                kind, who, str(each.organization_id), invitation=str(each.id), proof=self._proof(kind, each)
            )
            for each in self.open()
            for who in self.people
            if who.email == each.email
        ]

    def _proof(self, kind: str, invitation: Invitation) -> dict[str, str]:
        """What the invitation's own mail says."""
        for mail in mails_to(self._app, invitation.email):
            token = mail["variables"]["link"].partition("#token=")[2]
            if codes.token_hash(token) == invitation.token_hash:
                code = mail["variables"]["code"]
                return (
                    {"token": token} if kind == "accept_token" else {"email": invitation.email, "code": code}
                )
        raise LookupError(invitation.id)

    def _with(self, roles: dict[UUID, str], least: str) -> list[Person]:
        """The people who have at least that role."""
        return [
            each
            for each in self.people
            if each.id in roles and ROLES.index(roles[each.id]) >= ROLES.index(least)
        ]

    def open(self, id_: str | None = None, invited: Person | None = None) -> list[Invitation]:
        return [
            each
            for each in self.invitations
            if each.status == "pending"
            and id_ in {None, str(each.organization_id)}
            and (invited is None or invited.email == each.email)
        ]

    def one(self, all_: Sequence[Choice]) -> Choice:
        return self._chance.choice(all_)

    def one_or_none(self, all_: Sequence[Choice]) -> Choice | None:
        return self._chance.choice(all_) if all_ else None
