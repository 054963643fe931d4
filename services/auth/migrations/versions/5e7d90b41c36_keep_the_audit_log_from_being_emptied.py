"""keep the audit log from being emptied

Revision ID: 5e7d90b41c36
Revises: 8a4be21c9d07
Create Date: 2026-11-24 16:15:00.000000

"""
from alembic import op


# revision identifiers, used by Alembic.
revision = '5e7d90b41c36'
down_revision = '8a4be21c9d07'
branch_labels = None
depends_on = None


def upgrade():
    # Retention may forget what is old, and nothing else may: no row of the last month, nor all at once.
    op.execute("""
        CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND current_setting('doorward.audit_retention', true) = 'on'
               AND OLD.occurred_at < now() - interval '30 days' THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'audit events are never changed';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_events_are_kept BEFORE TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
    """)


def downgrade():
    op.execute("DROP TRIGGER audit_events_are_kept ON audit_events")
    op.execute("""
        CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND current_setting('doorward.audit_retention', true) = 'on' THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'audit events are never changed';
        END $$
    """)
