"""organizations

Revision ID: c7e4a19d5b20
Revises: 8d17c4e90f5b
Create Date: 2026-11-26 18:00:00

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

revision = 'c7e4a19d5b20'
down_revision = '8d17c4e90f5b'
branch_labels = None
depends_on = None

IS_ROLE = "role IN ('owner', 'admin', 'member')"
IS_STATUS = "status IN ('pending', 'accepted', 'declined', 'revoked')"


def upgrade():
    op.create_table(
        'organizations',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('slug', sa.String(), nullable=False),
        sa.Column('metadata', JSONB(), server_default='{}', nullable=False),
        sa.Column('version', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_organizations'),
        sa.UniqueConstraint('slug', name='uq_organizations_slug'),
    )
    op.create_table(
        'memberships',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('role', sa.String(), nullable=False),
        sa.Column('version', sa.BigInteger(), nullable=False),
        sa.Column('joined_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(IS_ROLE, name='ck_memberships_role'),
        _organization_of('memberships'),
        sa.PrimaryKeyConstraint('organization_id', 'account_id', name='pk_memberships'),
    )
    op.create_index('ix_memberships_account_id', 'memberships', ['account_id'])
    _create_invitations()
    _create_events()


def _create_invitations():
    op.create_table(
        'invitations',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('email', sa.String(), nullable=False),
        sa.Column('role', sa.String(), nullable=False),
        sa.Column('token_hash', sa.String(), nullable=False),
        sa.Column('code_hash', sa.String(), nullable=False),
        sa.Column('tries_left', sa.Integer(), nullable=False),
        sa.Column('invited_by', sa.Uuid(), nullable=True),
        sa.Column('status', sa.String(), server_default='pending', nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(IS_ROLE, name='ck_invitations_role'),
        sa.CheckConstraint(IS_STATUS, name='ck_invitations_status'),
        _organization_of('invitations'),
        sa.PrimaryKeyConstraint('id', name='pk_invitations'),
        sa.UniqueConstraint('token_hash', name='uq_invitations_token_hash'),
    )
    op.create_index('ix_invitations_organization_id_id', 'invitations', ['organization_id', 'id'])
    op.create_index('ix_invitations_email', 'invitations', ['email'])
    op.create_index('ix_invitations_invited_by', 'invitations', ['invited_by'])
    op.create_index('ix_invitations_expires_at', 'invitations', ['expires_at'])
    op.create_index(
        'uq_invitations_pending',
        'invitations',
        ['organization_id', 'email'],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )


def _create_events():
    op.create_table(
        'organization_events',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('action', sa.String(), nullable=False),
        sa.Column('actor_id', sa.Uuid(), nullable=True),
        sa.Column('account_id', sa.Uuid(), nullable=True),
        sa.Column('request_id', sa.String(), nullable=True),
        sa.Column('details', JSONB(), server_default='{}', nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_organization_events'),
    )
    op.create_index(
        'ix_organization_events_organization_id_id', 'organization_events', ['organization_id', 'id']
    )
    op.create_index(
        'ix_organization_events_actor_id', 'organization_events', ['actor_id', 'action', 'occurred_at']
    )
    op.create_index('ix_organization_events_account_id', 'organization_events', ['account_id'])


def _organization_of(table):
    return sa.ForeignKeyConstraint(
        ['organization_id'],
        ['organizations.id'],
        name=f'fk_{table}_organization_id_organizations',
        ondelete='CASCADE',
    )


def downgrade():
    op.drop_table('organization_events')
    op.drop_table('invitations')
    op.drop_table('memberships')
    op.drop_table('organizations')
