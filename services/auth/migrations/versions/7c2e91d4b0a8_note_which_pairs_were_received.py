"""note which pairs were received

Revision ID: 7c2e91d4b0a8
Revises: 6c0f2d9e8a14
Create Date: 2026-11-26 11:15:00.000000

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


# revision identifiers, used by Alembic.
revision = '7c2e91d4b0a8'
down_revision = '6c0f2d9e8a14'
branch_labels = None
depends_on = None


def upgrade():
    # Constant defaults: no row is rewritten, and the release before goes on without the columns.
    op.add_column('sessions', sa.Column('milestones', postgresql.ARRAY(sa.Float()), server_default='{}', nullable=False))
    op.add_column('sessions', sa.Column('received', sa.BigInteger(), server_default='0', nullable=False))


def downgrade():
    op.drop_column('sessions', 'received')
    op.drop_column('sessions', 'milestones')
