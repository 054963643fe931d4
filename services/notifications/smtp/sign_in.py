"""How a worker signs in to a mail server: with a password, or with a token (XOAUTH2)."""

import base64
import smtplib

from services.notifications.smtp.servers import SmtpServer

_WELCOME = 235


def sign_in(host: smtplib.SMTP, server: SmtpServer) -> None:
    """Sign in where the server has a username; raises SMTPException or OSError where that fails."""
    if server.username is None:
        return
    try:
        _sign_in(host, server, server.username)
    except ValueError:
        # Of what cannot be encoded or read, Python's own error shows all: the password stood in timelines.
        raise smtplib.SMTPException("the password, the token or the challenge cannot be read") from None


def _sign_in(host: smtplib.SMTP, server: SmtpServer, username: str) -> None:
    secret = server.secret()
    if server.auth == "xoauth2":
        response = f"user={username}\x01auth=Bearer {secret}\x01\x01"
        host.auth("XOAUTH2", lambda challenge=None: response if challenge is None else "")
    elif username.isascii() and secret.isascii():
        host.login(username, secret)
    else:
        _sign_in_plainly(host, username, secret)


def _sign_in_plainly(host: smtplib.SMTP, username: str, secret: str) -> None:
    """PLAIN takes UTF-8 (RFC 4616 section 2), which smtplib does not write."""
    response = base64.b64encode(f"\0{username}\0{secret}".encode()).decode()
    code, text = host.docmd("AUTH", f"PLAIN {response}")
    if code != _WELCOME:
        raise smtplib.SMTPAuthenticationError(code, text)
