"""Alembic's entry: the chassis runs the migrations of this service's own database."""

from shared.chassis import migrations

migrations.run()
