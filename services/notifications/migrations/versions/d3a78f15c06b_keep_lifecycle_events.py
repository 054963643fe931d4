"""keep lifecycle events

Revision ID: d3a78f15c06b
Revises: 91b6c4d27ef0
Create Date: 2026-11-26 18:05:00

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = 'd3a78f15c06b'
down_revision = '91b6c4d27ef0'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'events',
        sa.Column('position', sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('type', sa.String(), nullable=False),
        sa.Column('account_id', sa.Uuid(), nullable=True),
        sa.Column('organization_id', sa.Uuid(), nullable=True),
        sa.Column('content', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('stored_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('position', name='pk_events'),
        sa.UniqueConstraint('id', name='uq_events_id'),
    )
    op.create_index('ix_events_account_id_position', 'events', ['account_id', 'position'])
    op.create_index('ix_events_organization_id_position', 'events', ['organization_id', 'position'])
    op.create_index('ix_events_type_position', 'events', ['type', 'position'])
    op.create_index('ix_events_stored_at', 'events', ['stored_at'])


def downgrade():
    op.drop_table('events')
