"""send some messages in order

Revision ID: 91b6c4d27ef0
Revises: 08d5b7c3a941
Create Date: 2026-11-26 18:00:00

"""
from alembic import op
import sqlalchemy as sa

revision = '91b6c4d27ef0'
down_revision = '08d5b7c3a941'
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
