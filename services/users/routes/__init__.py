"""The routes of users: `/api/v1/users/<noun>…` is the module of that noun; `/<account id>` is profiles."""

from services.users.routes import avatars, invitations, me, organizations, profiles

# In the order in which the API is documented.
BLUEPRINTS = [
    me.blueprint,
    profiles.blueprint,
    avatars.blueprint,
    organizations.blueprint,
    invitations.blueprint,
]
