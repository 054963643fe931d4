"""topics

Revision ID: d81f3a70b5c2
Revises: c5f20a91d7e4
Create Date: 2026-11-26 11:50:00.000000

Only adds. Topics that messages have named so far become rows, so that whoever sends about them may go on.
"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = 'd81f3a70b5c2'
down_revision = 'c5f20a91d7e4'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('topics',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('title', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('is_critical', sa.Boolean(), nullable=False),
    sa.Column('channels', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_topics'))
    )
    op.execute("""
        INSERT INTO topics (name, title, is_critical, channels, created_at)
        SELECT DISTINCT topic, jsonb_build_object('en', topic), false, '["email"]'::jsonb, now()
        FROM messages WHERE topic ~ '^[a-z0-9][a-z0-9_.-]{0,63}$' AND topic NOT IN ('general', 'security')
    """)


def downgrade():
    op.drop_table('topics')
