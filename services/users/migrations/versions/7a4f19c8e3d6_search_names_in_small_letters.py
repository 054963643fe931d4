"""search names in small letters

The trigrams of names as they are written stay for the release before.

Revision ID: 7a4f19c8e3d6
Revises: 5ad09e3b71c4
Create Date: 2026-11-27 04:45:00

"""
from alembic import op

revision = '7a4f19c8e3d6'
down_revision = '5ad09e3b71c4'
branch_labels = None
depends_on = None

NAME_KEY = "(COALESCE(lower(name), '') COLLATE \"C\")"


def upgrade():
    # In the place of ix_profiles_created_at_id: all that had that one have this.
    op.execute(f'CREATE INDEX ix_profiles_in_order ON profiles (created_at, id, {NAME_KEY}) INCLUDE (name, email)')
    op.execute('DROP INDEX ix_profiles_created_at_id')
    has_trigrams = op.get_bind().exec_driver_sql("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'").scalar()
    if has_trigrams:
        op.execute(f'CREATE INDEX ix_profiles_name_key_trigrams ON profiles USING gin ({NAME_KEY} gin_trgm_ops)')


def downgrade():
    op.execute('DROP INDEX IF EXISTS ix_profiles_name_key_trigrams')
    op.execute('CREATE INDEX ix_profiles_created_at_id ON profiles (created_at, id)')
    op.execute('DROP INDEX ix_profiles_in_order')
