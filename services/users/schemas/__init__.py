"""The bodies of users' API, by subject."""
