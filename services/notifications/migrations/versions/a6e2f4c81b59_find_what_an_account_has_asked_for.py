"""find what an account has asked for

Revision ID: a6e2f4c81b59
Revises: d3a78f15c06b
Create Date: 2026-11-27 23:05:00.000000

Only adds. Messages are not written while the index is made: about a second for a million of them.
"""
from alembic import op
import sqlalchemy as sa

revision = 'a6e2f4c81b59'
down_revision = 'd3a78f15c06b'
branch_labels = None
depends_on = None


def upgrade():
    op.create_index(
        'ix_messages_requested_by', 'messages', ['requested_by'], unique=False,
        postgresql_where=sa.text('requested_by IS NOT NULL'),
    )


def downgrade():
    op.drop_index('ix_messages_requested_by', table_name='messages')
