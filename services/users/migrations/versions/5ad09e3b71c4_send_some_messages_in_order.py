"""send some messages in order

Revision ID: 5ad09e3b71c4
Revises: c7e4a19d5b20
Create Date: 2026-11-26 18:00:00

"""
from alembic import op
import sqlalchemy as sa

revision = '5ad09e3b71c4'
down_revision = 'c7e4a19d5b20'
branch_labels = None
depends_on = None

IS_ORDERED = sa.text("order_key IS NOT NULL AND died_at IS NULL")


def upgrade():
    # The release before gives no key: what it sends may overtake, as it always could.
    op.add_column('outbox', sa.Column('order_key', sa.String(), nullable=True))
    op.add_column('outbox', sa.Column('position', sa.BigInteger(), sa.Identity(), nullable=False))
    op.create_index(
        'ix_outbox_order_key', 'outbox', ['subscriber', 'order_key', 'position'], postgresql_where=IS_ORDERED
    )


def downgrade():
    op.drop_index('ix_outbox_order_key', table_name='outbox')
    op.drop_column('outbox', 'position')
    op.drop_column('outbox', 'order_key')
