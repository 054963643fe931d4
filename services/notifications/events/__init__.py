"""Lifecycle events: what happened to accounts, profiles and organizations, for a team's own services."""
