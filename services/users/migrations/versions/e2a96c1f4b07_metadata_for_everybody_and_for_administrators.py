"""metadata for everybody and for administrators

Revision ID: e2a96c1f4b07
Revises: d07f3b9a5c61
Create Date: 2026-11-26 14:30:00

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = 'e2a96c1f4b07'
down_revision = 'd07f3b9a5c61'
branch_labels = None
depends_on = None


def upgrade():
    for name in ('public_metadata', 'admin_metadata'):
        op.add_column('profiles', sa.Column(name, postgresql.JSONB(), server_default='{}', nullable=False))


def downgrade():
    op.drop_column('profiles', 'admin_metadata')
    op.drop_column('profiles', 'public_metadata')
