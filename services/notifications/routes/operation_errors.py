"""The errors of this service that each operation may answer, by code.

Written by `python -m deploy.docs` from the code; a test fails where they differ.
"""

# What it passes on from another service, by code: the status and what the caller reads.
PASSED_ON: dict[str, tuple[int, str]] = {}

CODES: dict[str, tuple[str, ...]] = {
    "messagesSend": (
        "link_refused",
        "recipient_unknown",
        "template_internal",
        "template_unknown",
        "topic_critical",
        "topic_not_given",
        "topic_unknown",
        "variables_invalid",
    ),
    "messagesShow": ("notification_not_found",),
    "messagesCancel": (
        "not_cancellable",
        "notification_not_found",
    ),
    "messagesResend": (
        "not_resendable",
        "notification_not_found",
        "recipient_protected",
    ),
    "messagesResolve": (
        "not_unresolved",
        "notification_not_found",
    ),
    "topicsPutTopic": ("topic_built_in",),
    "templatesListTemplates": ("template_not_found",),
    "templatesCreateTemplate": (
        "template_exists",
        "template_invalid",
        "template_not_found",
    ),
    "templatesShowTemplate": ("template_not_found",),
    "templatesPutTemplate": (
        "template_invalid",
        "template_not_found",
    ),
    "templatesDeleteTemplate": ("template_not_found",),
    "templatesPreviewTemplate": (
        "template_invalid",
        "template_not_found",
        "variables_invalid",
    ),
    "templatesTestTemplate": (
        "recipient_unknown",
        "template_not_found",
        "variables_invalid",
    ),
}
