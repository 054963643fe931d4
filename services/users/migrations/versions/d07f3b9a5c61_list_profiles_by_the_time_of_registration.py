"""list profiles by the time of registration

Revision ID: d07f3b9a5c61
Revises: 94d6e2a8b1f5
Create Date: 2026-11-26 12:30:00

"""
from alembic import op

revision = 'd07f3b9a5c61'
down_revision = '94d6e2a8b1f5'
branch_labels = None
depends_on = None


def upgrade():
    op.create_index('ix_profiles_created_at_id', 'profiles', ['created_at', 'id'])


def downgrade():
    op.drop_index('ix_profiles_created_at_id', table_name='profiles')
