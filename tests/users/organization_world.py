"""People and organizations at the API of a real users, and what must hold after each operation on them.

No answer shows a row of an organization in which the caller neither is nor is invited; no operation changes a
row of another organization than the one that it is for, nor any row where it was refused; every organization
has an owner; a hostile operation is refused.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from flask import Flask

from services.users.models import Invitation, Membership, Organization, OrganizationEvent, db
from shared.chassis.ids import new_id
from tests.users.conftest import FakeAccounts
from tests.users.organizations import INVITATIONS, ORGANIZATIONS, Person, person
from tests.users.test_leaving import deleted

PEOPLE = 5
Rows = dict[str, frozenset[tuple[Any, ...]]]  # by the id of the organization


class Operation(NamedTuple):
    """Who does what to whom; ``hostility`` names what it tries that nobody may, where it does."""

    kind: str
    actor: Person
    organization: str = ""
    other: Person | None = None
    role: str = "member"
    invitation: str = ""
    proof: dict[str, str] = {}  # noqa: RUF012  (never changed)
    hostility: str = ""


@dataclass
class World:
    """Some people and the organizations that they make."""

    app: Flask
    accounts: FakeAccounts
    people: list[Person] = field(default_factory=list)
    markers: dict[str, str] = field(default_factory=dict)  # by id: a text that only its own rows have
    succeeded: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # hostile ones
    _known: Rows | None = None  # what there was after the last operation

    def __post_init__(self) -> None:
        self.people = [self._newcomer() for _ in range(PEOPLE)]

    def _newcomer(self) -> Person:
        return person(self.app, self.accounts, f"p{new_id().hex}@example.org")

    def do(self, operation: Operation) -> None:
        """Do the operation and check what must hold."""
        if operation.kind == "erase":
            self._erase(operation.actor)
            self._known = None
        else:
            self._call_and_check(operation)
        self._every_organization_has_an_owner()

    def _call_and_check(self, operation: Operation) -> None:
        before, visible = self._known or self.rows(), self._visible_to(operation.actor)
        answer = self._call(operation)
        after = self._known = self.rows()
        is_done = answer.status_code < 300
        if is_done and operation.kind == "create":
            self.markers[answer.json["id"]] = answer.json["slug"]
        self._shows_nothing_foreign(answer.text, visible | self._visible_to(operation.actor))
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert changed <= self._meant(operation, answer, visible), (operation, answer.text)
        assert answer.status_code < 500, answer.text
        assert not (is_done and operation.hostility), (operation, answer.text)
        if is_done:
            self.succeeded[operation.kind] += 1
        elif operation.hostility:
            self.refused[operation.hostility] += 1

    def _call(self, operation: Operation) -> Any:
        kind, actor, other, invitation = operation[0], operation[1], operation[3], operation.invitation
        path = f"{ORGANIZATIONS}/{operation.organization}"
        member = f"{path}/members/{other.id if other else new_id()}"
        role, body = {"role": operation.role}, {"name": f"{self.markers.get(operation.organization)} b"}
        return {
            "create": lambda: actor.call("POST", ORGANIZATIONS, self._new_organization()),
            "list": lambda: actor.call("GET", ORGANIZATIONS),
            "show": lambda: actor.call("GET", path),
            "change": lambda: actor.call("PATCH", path, body),
            "delete": lambda: actor.call("DELETE", path),
            "transfer": lambda: actor.call(
                "POST", f"{path}/transfer", {"account_id": str(other and other.id)}
            ),
            "events": lambda: actor.call("GET", f"{path}/events"),
            "members": lambda: actor.call("GET", f"{path}/members"),
            "change_member": lambda: actor.call("PATCH", member, role),
            "remove_member": lambda: actor.call("DELETE", member),
            "leave": lambda: actor.call("DELETE", f"{path}/members/{actor.id}"),
            "invitations": lambda: actor.call("GET", f"{path}/invitations"),
            "invite": lambda: actor.invite(path, other.email if other else "", operation.role),
            "revoke": lambda: actor.call("DELETE", f"{path}/invitations/{invitation}"),
            "list_own": lambda: actor.call("GET", INVITATIONS),
            "accept_token": lambda: actor.accept(**operation.proof),
            "accept_code": lambda: actor.accept(**operation.proof),
            "accept_id": lambda: actor.accept(id=invitation),
            "decline": lambda: actor.call("POST", f"{INVITATIONS}/{invitation}/decline"),
        }[kind]()

    def _new_organization(self) -> dict[str, Any]:
        marker = f"m{new_id().hex}"
        return {"name": marker, "slug": marker, "metadata": {"m": marker}}

    def _erase(self, gone: Person) -> None:
        """Delete the account; somebody else comes in its place."""
        deleted(self.app, gone.id)
        self.accounts.accounts.pop(gone.id)
        assert gone.id not in {each.account_id for each in self.memberships()}
        self.people[self.people.index(gone)] = self._newcomer()
        self.succeeded["erase"] += 1

    def _meant(self, operation: Operation, answer: Any, visible: set[str]) -> set[str]:
        """The organizations whose rows the operation may have changed."""
        tried = self._inviting(operation.proof.get("email", ""))  # a code costs each a try
        if operation.kind == "accept_code" and answer.status_code == 404:
            return tried
        if answer.status_code >= 300:
            return set()
        if operation.kind == "create":
            return {answer.json["id"]}
        if operation.kind.startswith("accept"):
            return {answer.json["organization_id"]} | tried
        return {operation.organization} & visible

    def _inviting(self, email: str) -> set[str]:
        return {str(each.organization_id) for each in self.invitations() if each.email == email}

    def _visible_to(self, who: Person) -> set[str]:
        """The organizations in which somebody is, or to which there is an invitation of the address."""
        own = {str(each.organization_id) for each in self.memberships() if each.account_id == who.id}
        return own | self._inviting(who.email)

    def _shows_nothing_foreign(self, text: str, visible: set[str]) -> None:
        for id_, marker in self.markers.items():
            assert id_ in visible or (id_ not in text and marker not in text), text

    def memberships(self) -> list[Membership]:
        """All, oldest first."""
        return self._all(Membership, Membership.joined_at)

    def invitations(self) -> list[Invitation]:
        """All, oldest first."""
        return self._all(Invitation, Invitation.id)

    def _all(self, model: Any, order: Any) -> list[Any]:
        with self.app.app_context():
            found = db.session.scalars(db.select(model).order_by(order)).all()
            db.session.expunge_all()
            db.session.rollback()
        return list(found)

    def rows(self) -> Rows:
        """Every row of every organization."""
        found: dict[str, set[tuple[Any, ...]]] = {}
        with self.app.app_context():
            for model in (Organization, Membership, Invitation, OrganizationEvent):
                owner = "id" if model is Organization else "organization_id"
                for row in db.session.execute(db.select(*model.__table__.columns)).mappings():
                    found.setdefault(str(row[owner]), set()).add((model.__tablename__, str(dict(row))))
            db.session.rollback()
        return {id_: frozenset(rows) for id_, rows in found.items()}

    def _every_organization_has_an_owner(self) -> None:
        owned = {each.organization_id for each in self.memberships() if each.role == "owner"}
        with self.app.app_context():
            all_: set[UUID] = set(db.session.scalars(db.select(Organization.id)))
            db.session.rollback()
        assert all_ == owned
