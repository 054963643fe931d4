"""under which trace a mail was asked for

Revision ID: 7e0d6b1f4a92
Revises: 4c1b7a52e9d3
Create Date: 2026-11-24 15:58:00.000000

Only adds: the release before, which does not know the column, goes on writing rows.
"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = '7e0d6b1f4a92'
down_revision = '4c1b7a52e9d3'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('notifications', sa.Column('trace', postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade():
    op.drop_column('notifications', 'trace')
