"""keep pictures

Revision ID: f61d0b83c9e4
Revises: e2a96c1f4b07
Create Date: 2026-11-26 14:40:00

"""
from alembic import op
import sqlalchemy as sa

revision = 'f61d0b83c9e4'
down_revision = 'e2a96c1f4b07'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'avatars',
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('stored_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('name', name='pk_avatars'),
    )
    op.create_index('ix_avatars_account_id', 'avatars', ['account_id'])
    op.create_index('ix_avatars_stored_at', 'avatars', ['stored_at'])
    op.add_column('profiles', sa.Column('avatar_name', sa.String(), nullable=True))


def downgrade():
    op.drop_column('profiles', 'avatar_name')
    op.drop_table('avatars')
