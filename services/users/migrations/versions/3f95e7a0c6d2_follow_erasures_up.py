"""follow erasures up

Revision ID: 3f95e7a0c6d2
Revises: 0b4c7d92e1a8
Create Date: 2026-11-26 15:00:00

"""
from alembic import op
import sqlalchemy as sa

revision = '3f95e7a0c6d2'
down_revision = '0b4c7d92e1a8'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'erasures',
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('service', sa.String(), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('account_id', 'service', name='pk_erasures'),
    )
    op.create_index('ix_erasures_open', 'erasures', ['asked_at'], postgresql_where=sa.text('confirmed_at IS NULL'))


def downgrade():
    op.drop_table('erasures')
