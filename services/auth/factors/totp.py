"""Time-based one-time passwords (RFC 6238), pure: which time step a code belongs to."""

import hmac
from datetime import datetime

import pyotp
import segno

PERIOD_SECONDS = 30
STEPS_EITHER_WAY = 1  # a phone's clock may be half a minute off, and typing takes time


def new_secret() -> str:
    """160 random bits, as authenticator apps take them (base32)."""
    return pyotp.random_base32()


def find_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step that ``code`` is right for; None where it is wrong."""
    present = int(now.timestamp()) // PERIOD_SECONDS
    generator = pyotp.TOTP(secret)
    steps = range(present - STEPS_EITHER_WAY, present + STEPS_EITHER_WAY + 1)
    given = code.encode()  # compare_digest takes no text beyond ASCII, and a client may send any
    # Every step is compared, so that the time says nothing about which one was right.
    right = [step for step in steps if hmac.compare_digest(generator.generate_otp(step).encode(), given)]
    return right[-1] if right else None


def provisioning_uri(secret: str, *, email: str, issuer: str) -> str:
    """What an authenticator app reads from the QR code; a colon would end the issuer's name in it."""
    name = issuer.replace(":", " ")
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=name)


def qr_svg(uri: str) -> str:
    """The QR code as an inline SVG."""
    return segno.make(uri).svg_inline(scale=4)
