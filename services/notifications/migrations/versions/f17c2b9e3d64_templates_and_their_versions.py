"""templates and their versions

Revision ID: f17c2b9e3d64
Revises: e4a6c1d90b37
Create Date: 2026-11-26 14:50:00.000000

Only adds. Messages of the release before name a version 1 that has no row: they are rendered by the files of the
release that sends them, as before.
"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = 'f17c2b9e3d64'
down_revision = 'e4a6c1d90b37'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('templates',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('current', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_templates'))
    )
    op.create_table('template_versions',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('content_hash', sa.String(), nullable=False),
    sa.Column('source', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('is_built_in', sa.Boolean(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', 'number', name=op.f('pk_template_versions')),
    sa.UniqueConstraint('name', 'content_hash', name=op.f('uq_template_versions_name'))
    )


def downgrade():
    op.drop_table('template_versions')
    op.drop_table('templates')
