"""forget who is gone in the audit log

Revision ID: 2c8f61a4d9b3
Revises: b8d4e1a7c350
Create Date: 2026-11-26 15:00:00

"""
from alembic import op
import sqlalchemy as sa

revision = '2c8f61a4d9b3'
down_revision = 'b8d4e1a7c350'
branch_labels = None
depends_on = None

REFUSE = """
    CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('doorward.audit_retention', true) = 'on'
           AND OLD.occurred_at < now() - interval '30 days' THEN
            RETURN OLD;
        END IF;
        %s
        RAISE EXCEPTION 'audit events are never changed';
    END $$
"""
# What was done and when stays; to whom, by whom and from where may go, of an account that is gone.
FORGET = """
        IF TG_OP = 'UPDATE'
           AND (NEW.id, NEW.occurred_at, NEW.action, NEW.actor_kind)
               IS NOT DISTINCT FROM (OLD.id, OLD.occurred_at, OLD.action, OLD.actor_kind)
           AND (NEW.account_id IS NULL OR NEW.account_id = OLD.account_id)
           AND NEW.actor_id IS NULL AND NEW.credential_id IS NULL AND NEW.ip IS NULL
           AND NEW.user_agent IS NULL AND NEW.request_id IS NULL
           AND (NEW.details = '{}' OR NEW.details = OLD.details)
           AND EXISTS (
               SELECT FROM unnest(ARRAY[OLD.account_id, OLD.actor_id]) AS party
               WHERE party IS NOT NULL AND NOT EXISTS (SELECT FROM accounts WHERE id = party)
           )
           AND (NEW.account_id IS NOT NULL OR OLD.account_id IS NULL
                OR NOT EXISTS (SELECT FROM accounts WHERE id = OLD.account_id)) THEN
            RETURN NEW;
        END IF;
"""


def upgrade():
    op.execute(REFUSE % FORGET)
    op.create_index(
        'ix_audit_events_foreign_actor', 'audit_events', ['actor_id'],
        postgresql_where=sa.text('actor_id IS DISTINCT FROM account_id'),
    )


def downgrade():
    op.drop_index('ix_audit_events_foreign_actor', table_name='audit_events')
    op.execute(REFUSE % "")
