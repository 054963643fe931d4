"""keep keys that outlive the secret

Revision ID: 8a4be21c9d07
Revises: 3d1c5f0a7b62
Create Date: 2026-11-24 15:55:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '8a4be21c9d07'
down_revision = '3d1c5f0a7b62'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('kept_keys',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('sealed', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_kept_keys'))
    )


def downgrade():
    op.drop_table('kept_keys')
