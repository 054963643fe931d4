"""What a mail calls the device that a User-Agent speaks of; pure.

Words of our own only: whoever sends the request chooses the User-Agent, and would else write into the
mails that warn of him.
"""

from collections.abc import Sequence

from services.notifications.rendering.phrases import UNKNOWN_DEVICE

# The first that is found counts: most browsers also claim to be those further down.
_PROGRAMS = (
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("samsungbrowser", "Samsung Internet"),
    ("firefox", "Firefox"),
    ("fxios", "Firefox"),
    ("crios", "Chrome"),
    ("chrome/", "Chrome"),
    ("safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
    ("okhttp", "Android"),
    ("cfnetwork", "iOS"),
)
_SYSTEMS = (
    ("iphone", "iPhone"),
    ("ipad", "iPad"),
    ("android", "Android"),
    ("windows", "Windows"),
    ("mac os x", "macOS"),
    ("macintosh", "macOS"),
    ("cros ", "ChromeOS"),
    ("linux", "Linux"),
)


def name_of(user_agent: str, language: str) -> str:
    """``Firefox, Windows``; or that it is not known."""
    text = user_agent.casefold()
    found = [name for name in (_first(_PROGRAMS, text), _first(_SYSTEMS, text)) if name]
    return ", ".join(dict.fromkeys(found)) or UNKNOWN_DEVICE[language]


def _first(names: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((name for mark, name in names if mark in text), None)
