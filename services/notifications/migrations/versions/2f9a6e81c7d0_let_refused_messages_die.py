"""let refused messages die

Revision ID: 2f9a6e81c7d0
Revises: 7e0d6b1f4a92
Create Date: 2026-11-26 11:00:00

"""
from alembic import op
import sqlalchemy as sa

revision = '2f9a6e81c7d0'
down_revision = '7e0d6b1f4a92'
branch_labels = None
depends_on = None

IS_ALIVE = sa.text("died_at IS NULL")
IS_REFUSED = sa.text("died_at IS NULL AND refused_since IS NOT NULL")


def upgrade():
    # The release before ignores both columns: it publishes dead messages again, which harms nobody.
    op.add_column('outbox', sa.Column('refused_since', sa.DateTime(timezone=True), nullable=True))
    op.add_column('outbox', sa.Column('died_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_outbox_alive_available_at', 'outbox', ['available_at'], postgresql_where=IS_ALIVE)
    op.create_index('ix_outbox_refused_since', 'outbox', ['refused_since'], postgresql_where=IS_REFUSED)
    op.drop_index('ix_outbox_available_at', table_name='outbox')


def downgrade():
    op.create_index('ix_outbox_available_at', 'outbox', ['available_at'])
    op.drop_index('ix_outbox_refused_since', table_name='outbox')
    op.drop_index('ix_outbox_alive_available_at', table_name='outbox')
    op.drop_column('outbox', 'died_at')
    op.drop_column('outbox', 'refused_since')
