"""say until when a key signs

Revision ID: 3d1c5f0a7b62
Revises: fc2012d45b99
Create Date: 2026-11-24 15:30:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '3d1c5f0a7b62'
down_revision = 'fc2012d45b99'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('signing_keys', sa.Column('signs_until', sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column('signing_keys', 'signs_until')
