"""Random operations on organizations, and what must hold after each of them.

No answer shows a row of an organization in which the caller neither is nor is invited; no operation changes a
row of another organization than the one that it is for, nor any row where it was refused; every organization
has an owner.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from flask import Flask

from services.users.models import Invitation, Membership, Organization, OrganizationEvent, db
from shared.chassis.ids import new_id
from tests.users.conftest import FakeAccounts
from tests.users.organizations import INVITATIONS, ORGANIZATIONS, Person, mails_to, person
from tests.users.test_leaving import deleted

PEOPLE = 5
ROLES = "owner", "admin", "member"
OF_ORGANIZATIONS = (
    "show", "change", "delete", "transfer", "events", "members", "change_member", "remove_member", "leave",
    "invitations", "invite", "revoke", "list", "create",
)  # fmt: skip
OF_INVITED = "list_own", "accept_token", "accept_id", "accept_code", "decline"


class Operation(NamedTuple):
    """Who does what; numbers choose among what there is by then."""

    kind: str
    actor: int
    organization: int
    other: int
    role: str


KINDS = (*OF_ORGANIZATIONS, *OF_INVITED, *["invite", "accept_token", "accept_id"] * 3, "erase")


def random_operations(seed: int, count: int) -> list[Operation]:
    """So many operations, by the seed."""
    chance = Random(seed)
    return [
        Operation(
            kind=chance.choice(KINDS),
            actor=chance.randrange(PEOPLE),
            organization=chance.randrange(4),
            other=chance.randrange(PEOPLE),
            role=chance.choice(ROLES),
        )
        for _ in range(count)
    ]


Rows = dict[str, frozenset[tuple[Any, ...]]]  # by the id of the organization


@dataclass
class World:
    """Some people and the organizations that they make, at the API of a real users."""

    app: Flask
    accounts: FakeAccounts
    people: list[Person] = field(default_factory=list)
    organizations: list[str] = field(default_factory=list)  # ids, of deleted ones too
    markers: dict[str, str] = field(default_factory=dict)  # a text that only the organization's rows have
    succeeded: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people = [self._newcomer() for _ in range(PEOPLE)]

    def _newcomer(self) -> Person:
        return person(self.app, self.accounts, f"p{new_id().hex}@example.org")

    def do(self, operation: Operation) -> None:
        """Do the operation and check what must hold."""
        if operation.kind == "erase":
            self._erase(operation.actor)
            self._every_organization_has_an_owner()
            return
        actor = self.people[operation.actor]
        before, insiders = self._rows(), self._visible_to(actor)
        answer = self._call(operation, actor)
        after = self._rows()
        if operation.kind == "create" and answer.status_code == 201:
            self._remember(answer.json)
        self._shows_nothing_foreign(answer.text, insiders | self._visible_to(actor))
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert changed <= self._meant(operation, answer, insiders), (operation, answer.text)
        assert answer.status_code < 500, answer.text
        if answer.status_code < 300:
            self.succeeded[operation.kind] = self.succeeded.get(operation.kind, 0) + 1
        self._every_organization_has_an_owner()

    def _call(self, operation: Operation, actor: Person) -> Any:
        kind = operation.kind
        if kind == "create" or not self.organizations:
            marker = f"m{new_id().hex}"
            return actor.call(
                "POST", ORGANIZATIONS, {"name": marker, "slug": marker, "metadata": {"m": marker}}
            )
        if kind in OF_INVITED:
            return self._answer_invitation(operation, actor)
        id_ = self.organizations[operation.organization % len(self.organizations)]
        path = f"{ORGANIZATIONS}/{id_}"
        other = self.people[operation.other]
        return {
            "list": lambda: actor.call("GET", ORGANIZATIONS),
            "show": lambda: actor.call("GET", path),
            "change": lambda: actor.call("PATCH", path, {"name": f"{self.markers[id_]} b"}),
            "delete": lambda: actor.call("DELETE", path),
            "transfer": lambda: actor.call("POST", f"{path}/transfer", {"account_id": str(other.id)}),
            "events": lambda: actor.call("GET", f"{path}/events"),
            "members": lambda: actor.call("GET", f"{path}/members"),
            "change_member": lambda: actor.call(
                "PATCH", f"{path}/members/{other.id}", {"role": operation.role}
            ),
            "remove_member": lambda: actor.call("DELETE", f"{path}/members/{other.id}"),
            "leave": lambda: actor.call("DELETE", f"{path}/members/{actor.id}"),
            "invitations": lambda: actor.call("GET", f"{path}/invitations"),
            "invite": lambda: actor.invite(path, other.email, operation.role),
            "revoke": lambda: actor.call("DELETE", f"{path}/invitations/{self._invitation(operation)}"),
        }[kind]()

    def _answer_invitation(self, operation: Operation, actor: Person) -> Any:
        """By the actor's own mail, or by another's: the link is whoever's has it, ids and codes are not."""
        other = self.people[operation.other]
        mails = mails_to(self.app, actor.email)
        variables = mails[-1]["variables"] if mails else {}
        id_ = self._invitation(operation)
        return {
            "list_own": lambda: actor.call("GET", INVITATIONS),
            "accept_token": lambda: actor.accept(
                token=variables.get("link", "#token=x").partition("#token=")[2]
            ),
            "accept_id": lambda: actor.accept(id=id_),
            "accept_code": lambda: actor.accept(email=other.email, code=variables.get("code", "000000")),
            "decline": lambda: actor.call("POST", f"{INVITATIONS}/{id_}/decline"),
        }[operation.kind]()

    def _invitation(self, operation: Operation) -> str:
        """Any invitation of anybody."""
        with self.app.app_context():
            ids = db.session.scalars(db.select(Invitation.id).order_by(Invitation.id)).all()
            db.session.rollback()
        return str(ids[(operation.organization * PEOPLE + operation.other) % len(ids)] if ids else new_id())

    def _remember(self, created: dict[str, Any]) -> None:
        self.organizations.append(created["id"])
        self.markers[created["id"]] = created["slug"]

    def _erase(self, number: int) -> None:
        """Delete the account; somebody else comes in its place."""
        gone = self.people[number]
        deleted(self.app, gone.id)
        self.accounts.accounts.pop(gone.id)
        with self.app.app_context():
            assert db.session.query(Membership).filter_by(account_id=gone.id).count() == 0
            db.session.rollback()
        self.people[number] = self._newcomer()

    def _meant(self, operation: Operation, answer: Any, insiders: set[str]) -> set[str]:
        """The organizations whose rows the operation may have changed."""
        if operation.kind == "accept_code" and answer.status_code == 404:
            return set(self.organizations)  # a wrong code costs the invited address a try
        if answer.status_code >= 300:
            return set()
        if operation.kind == "create" or not insiders:
            return {answer.json["id"]} if answer.json and "id" in answer.json else set()
        if operation.kind.startswith("accept"):
            return {answer.json["organization_id"]}
        if operation.kind == "decline":
            return insiders
        if not self.organizations:
            return {answer.json["id"]}
        return {self.organizations[operation.organization % len(self.organizations)]} & insiders

    def _visible_to(self, who: Person) -> set[str]:
        """The organizations in which somebody is, or to which there is an invitation of the address."""
        with self.app.app_context():
            own = db.session.scalars(
                db.select(Membership.organization_id).where(Membership.account_id == who.id)
            ).all()
            invited = db.session.scalars(
                db.select(Invitation.organization_id).where(Invitation.email == who.email)
            ).all()
            db.session.rollback()
        return {str(id_) for id_ in (*own, *invited)}

    def _shows_nothing_foreign(self, text: str, visible: set[str]) -> None:
        for id_ in self.organizations:
            assert id_ in visible or (id_ not in text and self.markers[id_] not in text), text

    def _rows(self) -> Rows:
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
        with self.app.app_context():
            owned = db.select(Membership.organization_id).where(Membership.role == "owner")
            orphans = db.session.scalars(
                db.select(Organization.id).where(Organization.id.not_in(owned))
            ).all()
            db.session.rollback()
        assert orphans == []
