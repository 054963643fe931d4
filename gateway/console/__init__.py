"""The operators' pages at `/console`: sign in with a browser session, see what the gateway sees."""
