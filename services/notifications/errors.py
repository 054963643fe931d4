"""The errors of notifications.

ApiError
├── Forbidden
│   └── TopicNotGiven  403  topic_not_given
├── NotFound
│   ├── NotificationNotFound  404  notification_not_found
│   └── TemplateNotFound      404  template_not_found
├── Conflict
│   ├── TopicBuiltIn        409  topic_built_in
│   ├── TemplateExists      409  template_exists
│   ├── NotCancellable      409  not_cancellable
│   ├── NotResendable       409  not_resendable
│   ├── RecipientProtected  409  recipient_protected
│   └── NotUnresolved       409  not_unresolved
└── InvalidRequest
    ├── TemplateUnknown    422  template_unknown
    ├── TemplateInternal   422  template_internal
    ├── TemplateInvalid    422  template_invalid
    ├── TopicUnknown       422  topic_unknown
    ├── TopicCritical      422  topic_critical
    ├── LinkRefused        422  link_refused
    ├── VariablesInvalid   422  variables_invalid
    └── RecipientUnknown   422  recipient_unknown
"""

from shared.chassis import errors


class NotificationNotFound(errors.NotFound):
    """No notification has this id."""

    code = "notification_not_found"
    detail = "There is no such notification."


class NotCancellable(errors.Conflict):
    """It is being sent, or its delivery has ended."""

    code = "not_cancellable"
    detail = "This notification is being sent or has ended; it cannot be cancelled any more."


class NotResendable(errors.Conflict):
    """Its delivery has not ended, or its content was deleted."""

    code = "not_resendable"
    detail = "Only a notification that has ended, and whose content is still kept, can be sent again."


class RecipientProtected(errors.Conflict):
    """The address was sent too much lately for a program to send it this again."""

    code = "recipient_protected"
    detail = "This address was sent too many messages lately; try again later, or ask an administrator."


class NotUnresolved(errors.Conflict):
    """Only an unknown outcome can be resolved."""

    code = "not_unresolved"
    detail = "The outcome of this notification is not unknown."


class TemplateUnknown(errors.InvalidRequest):
    """No template has this name."""

    code = "template_unknown"
    detail = "There is no such template."


class TemplateInternal(errors.InvalidRequest):
    """Only Doorward itself sends mails of this template."""

    code = "template_internal"
    detail = "Only Doorward itself sends mails of this template."


class TemplateNotFound(errors.NotFound):
    """No template, or no version of it, has this name."""

    code = "template_not_found"
    detail = "There is no such template, or no such version of it."


class TemplateExists(errors.Conflict):
    """A template has this name already."""

    code = "template_exists"
    detail = "There is already a template with this name; PUT stores a new version of it."


class TemplateInvalid(errors.InvalidRequest):
    """The template is not valid."""

    code = "template_invalid"
    detail = "The template is not valid; errors says where and why."


class TopicUnknown(errors.InvalidRequest):
    """No topic has this name."""

    code = "topic_unknown"
    detail = "There is no such topic."


class TopicNotGiven(errors.Forbidden):
    """An API key that may send about some topics alone names another."""

    code = "topic_not_given"
    detail = "This API key may not send about this topic."


class TopicBuiltIn(errors.Conflict):
    """Built-in topics cannot be changed."""

    code = "topic_built_in"
    detail = "This topic is one of Doorward's own; it cannot be changed."


class TopicCritical(errors.InvalidRequest):
    """A critical topic is for Doorward's own messages, or for API keys that were given it by name."""

    code = "topic_critical"
    detail = "This topic is critical: Doorward's own, or one that an API key has to be given by name."


class LinkRefused(errors.InvalidRequest):
    """A link leads to a host that is not allowed."""

    code = "link_refused"
    detail = "Links must be https, to a host that NOTIFICATIONS_LINK_HOSTS names."


class VariablesInvalid(errors.InvalidRequest):
    """The template needs other variables."""

    code = "variables_invalid"
    detail = "The variables do not match the template; errors names them."


class RecipientUnknown(errors.InvalidRequest):
    """No verified account has this id."""

    code = "recipient_unknown"
    detail = "No verified account has this id."
