"""The bodies of notifications' API, by subject."""
