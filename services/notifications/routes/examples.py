"""An example of the body of each operation that takes one, for the OpenAPI document."""

from typing import Any

TEXTS = {
    "subject": "Your order {{ number }}",
    "text": "Hello,\n\nyour order {{ number }} is on its way.\n",
    "locale": "en",
}

EXAMPLES: dict[str, Any] = {
    "messagesSend": {
        "template": "order_sent",
        "to": {"email": "ada@example.org"},
        "variables": {"number": "7"},
    },
    "messagesResolve": {"outcome": "delivered"},
    "topicsPutTopic": {"title": {"en": "Orders"}, "is_critical": False},
    "templatesCreateTemplate": {"name": "order_sent", **TEXTS},
    "templatesPutTemplate": TEXTS,
    "templatesPreviewTemplate": {**TEXTS, "variables": {"number": "7"}},
    "templatesTestTemplate": {"locale": "en", "variables": {"number": "7"}},
}
