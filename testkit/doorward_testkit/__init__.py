"""Test against a real Doorward. The fixtures are in ``plugin``; this is what they hand out."""

from doorward_testkit.accounts import Account
from doorward_testkit.backend import Backend, StartError
from doorward_testkit.mailbox import Mailbox

__all__ = ["Account", "Backend", "Mailbox", "StartError"]
