"""messages, deliveries and attempts instead of one table of mails

Revision ID: b3d0c94e6a17
Revises: 2f9a6e81c7d0
Create Date: 2026-11-26 11:00:00.000000

The release before may still run: its tables stay, and what it writes there is moved by the workers of this
release with `adopt_notifications`, a function so that the move is one transaction and stands once. What that
release is sending at the moment is moved when its lease is over. A later release drops the tables and the function.
"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = 'b3d0c94e6a17'
down_revision = '2f9a6e81c7d0'
branch_labels = None
depends_on = None

ENDED = "status IN ('sent', 'failed', 'bounced', 'cancelled', 'suppressed', 'outcome_unknown')"

ADOPT = """
CREATE FUNCTION adopt_notifications(at_most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[];
BEGIN
    SELECT array_agg(id) INTO ids FROM (
        SELECT id FROM notifications
        WHERE status <> 'sending' OR lease_until IS NULL OR lease_until <= now()
        ORDER BY id LIMIT at_most FOR UPDATE SKIP LOCKED
    ) AS free;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO messages (id, template, template_version, locale, topic, account_id, requested_by,
                          sealed_variables, trace, expires_at, created_at)
    SELECT id, template, template_version, locale, topic, account_id, requested_by,
           sealed_variables, trace, expires_at, created_at
    FROM notifications WHERE id = ANY(ids);
    INSERT INTO deliveries (id, message_id, channel, lane, address, address_key, header_message_id, status, reason,
                            attempt_count, retry_count, phase, lease_until, due_at, next_attempt_at,
                            has_content, actions, created_at, updated_at)
    SELECT n.id, n.id, 'email', CASE n.template WHEN 'message' THEN 'normal' ELSE 'urgent' END,
           n.to_email, lower(n.to_email), n.message_id, n.status, n.reason,
           greatest(n.attempts, coalesce(happened.attempts, 0)), n.attempts, n.phase,
           CASE n.status WHEN 'sending' THEN n.lease_until END, n.due_at, n.next_attempt_at,
           n.sealed_variables IS NOT NULL, coalesce(happened.actions, '[]'), n.created_at, n.updated_at
    FROM notifications n LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE is_attempt) AS attempts,
               jsonb_agg(jsonb_build_object('name', name, 'detail', detail, 'occurred_at', occurred_at)
                         ORDER BY id) FILTER (WHERE NOT is_attempt AND name <> 'accepted') AS actions
        FROM (
            SELECT *, name IN ('sent', 'failed', 'retrying', 'outcome_unknown')
                      AND detail IS DISTINCT FROM 'resolved_by_hand' AS is_attempt
            FROM notification_events WHERE notification_id = n.id
        ) AS events
    ) AS happened ON true
    WHERE n.id = ANY(ids);
    INSERT INTO attempts (delivery_id, number, outcome, detail, started_at, ended_at)
    SELECT notification_id, row_number() OVER (PARTITION BY notification_id ORDER BY id), name, detail,
           occurred_at, occurred_at
    FROM notification_events
    WHERE notification_id = ANY(ids) AND name IN ('sent', 'failed', 'retrying', 'outcome_unknown')
          AND detail IS DISTINCT FROM 'resolved_by_hand';
    DELETE FROM notifications WHERE id = ANY(ids);
    RETURN cardinality(ids);
END $$
"""


def upgrade():
    op.create_table('messages',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('template', sa.String(), nullable=False),
    sa.Column('template_version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('locale', sa.String(), nullable=False),
    sa.Column('topic', sa.String(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('requested_by', sa.Uuid(), nullable=True),
    sa.Column('sealed_variables', sa.String(), nullable=True),
    sa.Column('trace', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages'))
    )
    op.create_index(op.f('ix_messages_account_id'), 'messages', ['account_id'], unique=False)
    op.create_index(op.f('ix_messages_created_at'), 'messages', ['created_at'], unique=False)
    op.create_table('deliveries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('message_id', sa.Uuid(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('lane', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('address_key', sa.String(), nullable=False),
    sa.Column('header_message_id', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('attempt_count', sa.Integer(), server_default='0', nullable=False),
    sa.Column('retry_count', sa.Integer(), server_default='0', nullable=False),
    sa.Column('phase', sa.String(), nullable=True),
    sa.Column('server', sa.String(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('has_content', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('actions', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_deliveries_message_id_messages'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries'))
    )
    op.create_index(op.f('ix_deliveries_message_id'), 'deliveries', ['message_id'], unique=False)
    op.create_index('ix_deliveries_due', 'deliveries', ['lane', 'next_attempt_at'], unique=False, postgresql_where=sa.text("status IN ('queued', 'scheduled', 'retrying')"))
    op.create_index('ix_deliveries_lease', 'deliveries', ['lease_until'], unique=False, postgresql_where=sa.text("status = 'sending'"))
    op.create_index('ix_deliveries_ended', 'deliveries', ['updated_at'], unique=False, postgresql_where=sa.text(ENDED))
    op.create_index('ix_deliveries_content', 'deliveries', ['updated_at'], unique=False, postgresql_where=sa.text(f"has_content AND {ENDED}"))
    op.create_index('ix_deliveries_address_key_message_id', 'deliveries', ['address_key', 'message_id'], unique=False)
    op.create_index('ix_deliveries_status_message_id', 'deliveries', ['status', 'message_id'], unique=False)
    op.create_table('attempts',
    sa.Column('delivery_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('server', sa.String(), nullable=True),
    sa.Column('phase', sa.String(), nullable=True),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('detail', sa.String(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['deliveries.id'], name=op.f('fk_attempts_delivery_id_deliveries'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('delivery_id', 'number', name=op.f('pk_attempts'))
    )
    op.create_index('ix_attempts_server_ended_at', 'attempts', ['server', 'ended_at'], unique=False)
    op.add_column('recipients', sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
    op.alter_column('recipients', 'email', existing_type=sa.String(), nullable=True)
    op.execute(ADOPT)
    op.execute("SELECT adopt_notifications(2147483647)")


def downgrade():
    op.execute("""
        INSERT INTO notifications (id, template, template_version, locale, topic, to_email, account_id,
            requested_by, sealed_variables, status, reason, trace, message_id, attempts, phase, lease_until,
            due_at, next_attempt_at, expires_at, created_at, updated_at)
        SELECT m.id, template, template_version, locale, topic, address, account_id, requested_by,
            sealed_variables, status, reason, trace, header_message_id, attempt_count, phase, lease_until,
            due_at, next_attempt_at, expires_at, m.created_at, updated_at
        FROM deliveries d JOIN messages m ON m.id = d.message_id
    """)
    op.execute("""
        INSERT INTO notification_events (id, notification_id, name, detail, occurred_at)
        SELECT gen_random_uuid(), m.id, 'accepted', NULL, m.created_at FROM messages m
        UNION ALL
        SELECT gen_random_uuid(), d.message_id, a.outcome, a.detail, a.ended_at
        FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
    """)
    op.execute("DROP FUNCTION adopt_notifications(integer)")
    op.execute("DELETE FROM recipients WHERE email IS NULL")
    op.alter_column('recipients', 'email', existing_type=sa.String(), nullable=False)
    op.drop_column('recipients', 'deleted_at')
    op.drop_table('attempts')
    op.drop_table('deliveries')
    op.drop_table('messages')
