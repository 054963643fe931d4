"""copies of what is held

Revision ID: 8d17c4e90f5b
Revises: 3f95e7a0c6d2
Create Date: 2026-11-26 15:10:00

"""
from alembic import op
import sqlalchemy as sa

revision = '8d17c4e90f5b'
down_revision = '3f95e7a0c6d2'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'exports',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('account_id', sa.Uuid(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_exports'),
    )
    op.create_index('ix_exports_account_id', 'exports', ['account_id'])
    op.create_index('ix_exports_expires_at', 'exports', ['expires_at'])
    op.create_table(
        'export_parts',
        sa.Column('export_id', sa.Uuid(), nullable=False),
        sa.Column('service', sa.String(), nullable=False),
        sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
        sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('collected_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['export_id'], ['exports.id'], name='fk_export_parts_export_id_exports', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('export_id', 'service', name='pk_export_parts'),
    )
    op.create_index(
        'ix_export_parts_due', 'export_parts', ['next_attempt_at'], postgresql_where=sa.text('collected_at IS NULL')
    )
    op.create_table(
        'export_chunks',
        sa.Column('export_id', sa.Uuid(), nullable=False),
        sa.Column('service', sa.String(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('sealed', sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ['export_id'], ['exports.id'], name='fk_export_chunks_export_id_exports', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('export_id', 'service', 'number', name='pk_export_chunks'),
    )


def downgrade():
    op.drop_table('export_chunks')
    op.drop_table('export_parts')
    op.drop_table('exports')
