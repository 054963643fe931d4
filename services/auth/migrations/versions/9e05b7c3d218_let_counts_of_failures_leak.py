"""let counts of failures leak

Revision ID: 9e05b7c3d218
Revises: c41d7e2f9a05
Create Date: 2026-11-26 11:55:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '9e05b7c3d218'
down_revision = 'c41d7e2f9a05'
branch_labels = None
depends_on = None


def upgrade():
    # Null where the release before counted: the number then says how long it takes.
    op.add_column('throttles', sa.Column('empties_at', sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column('throttles', 'empties_at')
