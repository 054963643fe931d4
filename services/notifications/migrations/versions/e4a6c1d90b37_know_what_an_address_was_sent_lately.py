"""know what an address was sent lately

Revision ID: e4a6c1d90b37
Revises: d81f3a70b5c2
Create Date: 2026-11-26 12:10:00.000000

Only adds: the release before, which does not know the column, goes on writing rows.
"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = 'e4a6c1d90b37'
down_revision = 'd81f3a70b5c2'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('messages', sa.Column('content_hash', sa.String(), nullable=True))


def downgrade():
    op.drop_column('messages', 'content_hash')
