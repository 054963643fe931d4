"""How a worker signs in to a mail server: with a password, or with a token (XOAUTH2)."""

import smtplib

from services.notifications.smtp.servers import SmtpServer


def sign_in(host: smtplib.SMTP, server: SmtpServer) -> None:
    """Sign in where the server has a username; raises SMTPException or OSError where that fails."""
    if server.username is None:
        return
    secret = server.secret()
    if server.auth == "xoauth2":
        response = f"user={server.username}\x01auth=Bearer {secret}\x01\x01"
        host.auth("XOAUTH2", lambda challenge=None: response if challenge is None else "")
    else:
        host.login(server.username, secret)
