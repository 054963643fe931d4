"""keep registrations apart from accounts

Revision ID: c41d7e2f9a05
Revises: 7c2e91d4b0a8
Create Date: 2026-11-26 11:20:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = 'c41d7e2f9a05'
down_revision = '7c2e91d4b0a8'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('registrations',
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=True),
    sa.Column('is_contested', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('display_name', sa.String(), nullable=True),
    sa.Column('locale', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=True),
    sa.Column('code_hash', sa.String(), nullable=True),
    sa.Column('token_hash', sa.String(), nullable=True),
    sa.Column('tries_left', sa.Integer(), server_default='0', nullable=False),
    sa.Column('mailed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('code_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('email', name=op.f('pk_registrations')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_registrations_token_hash'))
    )
    op.create_index(op.f('ix_registrations_expires_at'), 'registrations', ['expires_at'], unique=False)
    # Accounts that were registered and never verified stay until the worker deletes them and tells the others.
    op.create_index('ix_accounts_unverified', 'accounts', ['created_at'], unique=False, postgresql_where=sa.text('verified_at IS NULL'))


def downgrade():
    op.drop_index('ix_accounts_unverified', table_name='accounts', postgresql_where=sa.text('verified_at IS NULL'))
    op.drop_index(op.f('ix_registrations_expires_at'), table_name='registrations')
    op.drop_table('registrations')
