"""A Flask-Mail message as bytes that the mail server takes: short lines, nothing lost.

Flask-Mail writes UTF-8 as it is, which only a server with 8BITMIME takes (RFC 6152), and lines as long as
they come, which no server takes (RFC 5321 section 4.5.3.1.6). Here text is encoded as it needs it: not at
all, quoted-printable or base64, whichever is shorter. All of it is ASCII, but for addresses that are not;
``as_eight_bits`` is for a server with 8BITMIME, and leaves text as it is where its lines are short.
"""

import base64
import binascii
from collections.abc import Callable
from email.header import Header
from email.utils import formatdate
from uuid import uuid4

import flask_mail

LONGEST_LINE = 900
Encode = Callable[[bytes], tuple[str, str]]  # text to a Content-Transfer-Encoding and what is written


class MailMessage(flask_mail.Message):
    """Flask-Mail's message with a text and an HTML part, written so that it arrives."""

    sign: Callable[[bytes], bytes] | None = None  # makes the header field that goes before the others

    @property
    def gains_from_eight_bits(self) -> bool:
        """Whether 8BITMIME is of use: a signed message stays as it is in 7 bits, since a server on its way
        that has to convert it would break the signature (RFC 6376 section 5.3).
        """
        return self.sign is None and not ((self.body or "").isascii() and (self.html or "").isascii())

    def as_bytes(self) -> bytes:
        """The whole message with CRLF line ends, for every server."""
        return self._written(_in_seven_bits)

    def as_eight_bits(self) -> bytes:
        """The same for a server that was told BODY=8BITMIME."""
        return self._written(_in_eight_bits)

    def _written(self, encode: Encode) -> bytes:
        boundary = f"=_{uuid4().hex}"
        parts = [_part("plain", *encode(_text(self.body))), _part("html", *encode(_text(self.html)))]
        head = [*_headers(self), f'Content-Type: multipart/alternative; boundary="{boundary}"']
        if not all(map(str.isascii, parts)):
            head.append("Content-Transfer-Encoding: 8bit")  # as any part of it (RFC 2045 section 6.4)
        lines = ["\r\n".join(head), *(f"--{boundary}\r\n{part}" for part in parts), f"--{boundary}--\r\n"]
        content = (lines[0] + "\r\n\r\n" + "\r\n".join(lines[1:])).encode()
        return self.sign(content) + content if self.sign is not None else content


def _headers(message: flask_mail.Message) -> list[str]:
    extra = message.extra_headers or {}
    return [
        f"From: {message.sender}",
        f"To: {message.recipients[0]}",
        f"Subject: {_encoded(message.subject)}",
        f"Date: {formatdate(message.date, localtime=False)}",
        f"Message-ID: {message.msgId}",
        *(f"{name}: {value}" for name, value in extra.items()),
        "MIME-Version: 1.0",
    ]


def _encoded(text: str) -> str:
    one_line = " ".join(text.split())
    if one_line.isascii() and len(one_line) <= LONGEST_LINE:
        return one_line
    return Header(one_line, "utf-8", maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


def _text(text: str | None) -> bytes:
    return _with_crlf((text or "").encode())


def _part(kind: str, encoding: str, body: str) -> str:
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}'
    return f"{head}\r\n\r\n{body}\r\n"


def _in_eight_bits(raw: bytes) -> tuple[str, str]:
    if raw.isascii() or not _has_short_lines(raw):
        return _in_seven_bits(raw)
    return "8bit", raw.decode()


def _in_seven_bits(raw: bytes) -> tuple[str, str]:
    if raw.isascii() and _has_short_lines(raw):
        return "7bit", raw.decode()
    quoted = binascii.b2a_qp(raw.replace(b"\r\n", b"\n"), istext=True).replace(b"\n", b"\r\n")
    if len(quoted) <= len(raw) * 4 / 3:
        return "quoted-printable", quoted.decode()
    return "base64", base64.encodebytes(raw).replace(b"\n", b"\r\n").decode()


def _has_short_lines(raw: bytes) -> bool:
    return max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE


def as_data(message: bytes) -> bytes:
    """The message as DATA wants it, without the final dot (RFC 5321 section 4.5.2)."""
    lines = _with_crlf(message)
    stuffed = (b"." if lines.startswith(b".") else b"") + lines.replace(b"\n.", b"\n..")
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _with_crlf(content: bytes) -> bytes:
    """Every kind of line end as CRLF; replacing is many times as fast as a regular expression."""
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
