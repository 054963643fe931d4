"""know the organizations of accounts

Revision ID: 6f3b8e20c7d4
Revises: 2c8f61a4d9b3
Create Date: 2026-11-26 18:20:00

"""
from alembic import op
import sqlalchemy as sa

revision = '6f3b8e20c7d4'
down_revision = '2c8f61a4d9b3'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'memberships',
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('role', sa.String(), nullable=True),
        sa.Column('version', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ['account_id'], ['accounts.id'], name='fk_memberships_account_id_accounts', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('account_id', 'organization_id', name='pk_memberships'),
    )
    op.add_column('sessions', sa.Column('organization_id', sa.Uuid(), nullable=True))


def downgrade():
    op.drop_column('sessions', 'organization_id')
    op.drop_table('memberships')
