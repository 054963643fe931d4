"""say who did it, and from which network

Revision ID: d52e8f3a0b16
Revises: e8b1c5d7f203
Create Date: 2026-11-26 11:45:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = 'd52e8f3a0b16'
down_revision = 'e8b1c5d7f203'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('audit_events', sa.Column('actor_kind', sa.String(), nullable=True))
    op.add_column('audit_events', sa.Column('credential_id', sa.Uuid(), nullable=True))
    op.add_column('devices', sa.Column('network', sa.String(), nullable=True))
    op.add_column('devices', sa.Column('told_at', sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column('devices', 'told_at')
    op.drop_column('devices', 'network')
    op.drop_column('audit_events', 'credential_id')
    op.drop_column('audit_events', 'actor_kind')
