"""search profiles

Revision ID: 0b4c7d92e1a8
Revises: f61d0b83c9e4
Create Date: 2026-11-26 14:50:00

"""
from alembic import op

revision = '0b4c7d92e1a8'
down_revision = 'f61d0b83c9e4'
branch_labels = None
depends_on = None

INDEXES = {
    'ix_profiles_name_key': '((COALESCE(lower(name), \'\') COLLATE "C"), id)',
    'ix_profiles_email_key': '((email COLLATE "C"), id)',
    'ix_profiles_inactive': '(created_at, id) WHERE NOT is_active',
    'ix_profiles_roles': "USING gin (roles jsonb_path_ops) WHERE roles <> '[]'",
}
TRIGRAM_INDEXES = {
    'ix_profiles_name_trigrams': 'USING gin (name gin_trgm_ops)',
    'ix_profiles_email_trigrams': 'USING gin (email gin_trgm_ops)',
}


def upgrade():
    has_trigrams = op.get_bind().exec_driver_sql(
        "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"
    ).scalar()
    if has_trigrams:
        op.execute('CREATE EXTENSION IF NOT EXISTS pg_trgm')
    for name, definition in {**INDEXES, **(TRIGRAM_INDEXES if has_trigrams else {})}.items():
        op.execute(f'CREATE INDEX {name} ON profiles {definition}')


def downgrade():
    for name in (*TRIGRAM_INDEXES, *INDEXES):
        op.execute(f'DROP INDEX IF EXISTS {name}')
