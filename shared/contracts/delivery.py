"""How a session's tokens reach a client: in the answer's body, or in cookies that no script can read.

auth sets the cookies, the gateway takes them: it makes an Authorization of them and tells auth by
``Token-Delivery`` that the next tokens go into cookies as well. The services never see them.
"""

DELIVERY_HEADER = "Token-Delivery"
BY_COOKIE = "cookie"

# The prefix has browsers refuse what a sibling domain or plain HTTP sets (RFC 6265bis section 4.1.3.2).
ACCESS_COOKIE = "__Host-doorward-access"
REFRESH_COOKIE = "__Host-doorward-refresh"
DEVICE_COOKIE = "__Host-doorward-device"
