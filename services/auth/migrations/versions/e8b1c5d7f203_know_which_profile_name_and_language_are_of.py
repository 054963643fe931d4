"""know which profile name and language are of

Revision ID: e8b1c5d7f203
Revises: 9e05b7c3d218
Create Date: 2026-11-26 11:50:00

"""
from alembic import op
import sqlalchemy as sa

revision = 'e8b1c5d7f203'
down_revision = '9e05b7c3d218'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('accounts', sa.Column('profile_version', sa.BigInteger(), server_default='0', nullable=False))


def downgrade():
    op.drop_column('accounts', 'profile_version')
