"""The routes of notifications: `/api/v1/notifications/<noun>…` is the module of that noun.

What comes right after `/api/v1/notifications` is messages; `/internal` is what other processes may ask.
"""

from services.notifications.routes import events, messages, templates, topics

# In the order in which the API is documented.
BLUEPRINTS = [messages.blueprint, topics.blueprint, templates.blueprint, events.blueprint]
