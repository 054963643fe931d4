"""report addresses in a form of before

Changes nothing. `doorward check-addresses` lists them, and repairs those that have a right form.

Revision ID: b8d4e1a7c350
Revises: a61f0c3d9e27
Create Date: 2026-11-26 15:05:00.000000

"""
import logging

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = 'b8d4e1a7c350'
down_revision = 'a61f0c3d9e27'
branch_labels = None
depends_on = None

# An address like this has had one form under every rule: no capitals, no letters beyond ASCII.
PLAIN = r"""^[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9.-]+$"""


def upgrade():
    count = op.get_bind().scalar(
        sa.text('SELECT count(*) FROM accounts WHERE email !~ :plain'), {'plain': PLAIN}
    )
    if count:
        logging.getLogger('alembic.runtime.migration').warning(
            '%s stored addresses may be in a form of before: run `doorward check-addresses`', count
        )


def downgrade():
    pass
