"""who asked for a mail, from when on it is tried, which version it was accepted with; a recipient's locale

Revision ID: 4c1b7a52e9d3
Revises: 98aa565980dd
Create Date: 2026-11-23 04:50:00.000000

Only adds: the release before, which knows none of the columns, goes on writing rows.
"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '4c1b7a52e9d3'
down_revision = '98aa565980dd'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('notifications', sa.Column('template_version', sa.Integer(), server_default='1', nullable=False))
    op.add_column('notifications', sa.Column('requested_by', sa.Uuid(), nullable=True))
    op.add_column('notifications', sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False))
    op.execute("UPDATE notifications SET due_at = created_at")
    op.add_column('recipients', sa.Column('locale', sa.String(), nullable=True))


def downgrade():
    op.drop_column('recipients', 'locale')
    op.drop_column('notifications', 'due_at')
    op.drop_column('notifications', 'requested_by')
    op.drop_column('notifications', 'template_version')
