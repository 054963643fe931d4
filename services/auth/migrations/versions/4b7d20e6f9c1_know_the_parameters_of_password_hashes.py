"""know the parameters of password hashes

Revision ID: 4b7d20e6f9c1
Revises: d52e8f3a0b16
Create Date: 2026-11-26 12:15:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '4b7d20e6f9c1'
down_revision = 'd52e8f3a0b16'
branch_labels = None
depends_on = None

PARAMETERS = "(CASE WHEN password_hash LIKE '$argon2id$%' THEN split_part(password_hash, '$', 4) ELSE '' END)"


def upgrade():
    op.create_index(
        'ix_accounts_hash_parameters',
        'accounts',
        [sa.text(PARAMETERS)],
        unique=False,
        postgresql_where=sa.text('password_hash IS NOT NULL'),
    )


def downgrade():
    op.drop_index('ix_accounts_hash_parameters', table_name='accounts')
