"""The pages that mails link to, for as long as a team has none of its own, and how pages look and speak.

A link carries its token behind the ``#``, which no server, proxy or mail scanner gets to see. Opening it
does nothing; only the button sends the token, by POST.
"""
