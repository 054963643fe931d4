"""let a change of address be undone

Revision ID: a61f0c3d9e27
Revises: 4b7d20e6f9c1
Create Date: 2026-11-26 14:50:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = 'a61f0c3d9e27'
down_revision = '4b7d20e6f9c1'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('email_undos',
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('old_email', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_email_undos_account_id_accounts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_email_undos'))
    )
    op.create_index(op.f('ix_email_undos_account_id'), 'email_undos', ['account_id'], unique=False)
    op.create_index(op.f('ix_email_undos_expires_at'), 'email_undos', ['expires_at'], unique=False)


def downgrade():
    op.drop_index(op.f('ix_email_undos_expires_at'), table_name='email_undos')
    op.drop_index(op.f('ix_email_undos_account_id'), table_name='email_undos')
    op.drop_table('email_undos')
