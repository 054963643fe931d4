"""Real servers for tests: PostgreSQL and Redis from Testcontainers, or from wheels where no Docker answers.

``pytest_plugins = ["shared.chassis.testing.plugin"]`` in a ``conftest.py`` brings the fixtures.
"""
