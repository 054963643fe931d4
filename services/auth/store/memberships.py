"""The table of memberships in organizations. Stores never commit: the use case owns the transaction."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import Membership, Session, db


def take(account_id: UUID, organization_id: UUID, role: str | None, version: int) -> bool:
    """Keep what users says, unless a later version is there already; whether it was kept."""
    statement = insert(Membership).values(
        account_id=account_id, organization_id=organization_id, role=role, version=version
    )
    statement = statement.on_conflict_do_update(
        index_elements=[Membership.account_id, Membership.organization_id],
        set_={"role": role, "version": version},
        where=Membership.version < version,
    )
    return db.session.execute(statement.returning(Membership.version)).one_or_none() is not None


def is_known(account_id: UUID, organization_id: UUID) -> bool:
    """Whether users has told of this membership, be it one that has ended."""
    return db.session.get(Membership, (account_id, organization_id)) is not None


def find_role(account_id: UUID, organization_id: UUID) -> str | None:
    """The account's role in the organization, if it is a member."""
    wanted = (Membership.account_id == account_id, Membership.organization_id == organization_id)
    return db.session.scalar(select(Membership.role).where(*wanted))


def choose(session_id: UUID, organization_id: UUID | None) -> None:
    """Have the session work for the organization, or for none."""
    chosen = update(Session).where(Session.id == session_id).values(organization_id=organization_id)
    db.session.execute(chosen.execution_options(synchronize_session=False))


def leave(account_id: UUID, organization_id: UUID) -> None:
    """Have no session of the account work for the organization any more."""
    wanted = (Session.account_id == account_id, Session.organization_id == organization_id)
    left = update(Session).where(*wanted).values(organization_id=None)
    db.session.execute(left.execution_options(synchronize_session=False))
