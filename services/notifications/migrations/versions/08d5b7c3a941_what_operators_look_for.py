"""what operators look for: workers, answers, keys that live as long as their message, work that one worker does

Revision ID: 08d5b7c3a941
Revises: f17c2b9e3d64
Create Date: 2026-11-26 15:05:00.000000

Only adds. The release before goes on deleting idempotency keys after a day, those that are kept here included, until
it is gone.
"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = '08d5b7c3a941'
down_revision = 'f17c2b9e3d64'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('workers',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('servers', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_workers'))
    )
    op.create_table('periodic_work',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('next_run_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_run_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_periodic_work'))
    )
    op.create_index('ix_attempts_detail', 'attempts', [sa.text("to_tsvector('simple'::regconfig, coalesce(detail, ''))")],
                    unique=False, postgresql_using='gin')
    op.create_index('ix_messages_template_id', 'messages', ['template', 'id'], unique=False)
    op.add_column('messages', sa.Column('idempotency_key', sa.String(), nullable=True))
    op.add_column('idempotency_keys', sa.Column('is_kept', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_index('ix_idempotency_keys_free', 'idempotency_keys', ['started_at'], unique=False, postgresql_where=sa.text('NOT is_kept'))


def downgrade():
    op.drop_index('ix_idempotency_keys_free', table_name='idempotency_keys')
    op.drop_column('idempotency_keys', 'is_kept')
    op.drop_column('messages', 'idempotency_key')
    op.drop_index('ix_messages_template_id', table_name='messages')
    op.drop_index('ix_attempts_detail', table_name='attempts')
    op.drop_table('periodic_work')
    op.drop_table('workers')
