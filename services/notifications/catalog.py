"""The mails that can be sent: what variables each needs and what it is about. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.notifications.errors import TemplateUnknown, VariablesInvalid

WHERE = frozenset({"ip", "device", "time"})
CODE = frozenset({"code", "link", "minutes", "hours"})
OPTIONAL = frozenset({"name"})  # every mail may greet


@dataclass(frozen=True, slots=True)
class Template:
    """The variables that a mail must be given, and those that it may."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = OPTIONAL


TEMPLATES: Mapping[str, Template] = {
    "account_deletion": Template(frozenset({"time"})),
    "account_disabled": Template(),
    "account_exists": Template(),
    "email_change_confirm": Template(CODE),
    "email_change_notice": Template(),
    "email_changed": Template(),
    "message": Template(frozenset({"subject", "text"})),
    "mfa_changed": Template(optional=OPTIONAL | WHERE | {"change"}),
    "new_device": Template(WHERE),
    "password_changed": Template(frozenset({"time"})),
    "password_reset": Template(CODE),
    "refresh_token_reused": Template(WHERE),
    "sign_in_code": Template(CODE),
    "verify_email": Template(CODE),
}


def check(name: str, variables: Mapping[str, str]) -> None:
    """Raise TemplateUnknown or VariablesInvalid where the mail could not be rendered."""
    template = TEMPLATES.get(name)
    if template is None:
        raise TemplateUnknown
    missing = template.required - variables.keys()
    unknown = variables.keys() - template.required - template.optional
    mistakes = [(name, "This variable is missing.") for name in sorted(missing)]
    mistakes += [(name, "The template has no such variable.") for name in sorted(unknown)]
    if mistakes:
        pointers = [{"pointer": f"/variables/{name}", "detail": detail} for name, detail in mistakes]
        raise VariablesInvalid(errors=pointers)
