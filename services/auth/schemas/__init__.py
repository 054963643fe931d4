"""The bodies of auth's API, by subject."""
