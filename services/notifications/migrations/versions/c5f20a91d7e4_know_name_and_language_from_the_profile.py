"""know name and language from the profile

Revision ID: c5f20a91d7e4
Revises: b3d0c94e6a17
Create Date: 2026-11-26 11:50:00

"""
from alembic import op
import sqlalchemy as sa

revision = 'c5f20a91d7e4'
down_revision = 'b3d0c94e6a17'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('recipients', sa.Column('name', sa.String(), nullable=True))
    op.add_column('recipients', sa.Column('profile_version', sa.BigInteger(), server_default='0', nullable=False))


def downgrade():
    op.drop_column('recipients', 'profile_version')
    op.drop_column('recipients', 'name')
