"""mirror by time and keep tombstones

Revision ID: 94d6e2a8b1f5
Revises: 1b7e4c30d952
Create Date: 2026-11-26 12:00:00

"""
from alembic import op
import sqlalchemy as sa

revision = '94d6e2a8b1f5'
down_revision = '1b7e4c30d952'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('profiles', sa.Column('mirrored_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        'tombstones',
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('account_id', name='pk_tombstones'),
    )
    op.create_index('ix_tombstones_deleted_at', 'tombstones', ['deleted_at'])
    op.create_table(
        'cache_invalidations',
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('account_id', name='pk_cache_invalidations'),
    )


def downgrade():
    op.drop_table('cache_invalidations')
    op.drop_index('ix_tombstones_deleted_at', table_name='tombstones')
    op.drop_table('tombstones')
    op.drop_column('profiles', 'mirrored_at')
