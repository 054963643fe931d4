"""Doorward's own templates: what variables each takes, and how its messages are delivered. Pure.

What they say is in ``built_in.py``; both together, or what a team has written, is a version of a template.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from services.notifications.errors import TemplateInternal, VariablesInvalid
from services.notifications.lanes import NORMAL, URGENT

WHERE = frozenset({"ip", "device", "time"})
CODE = frozenset({"code", "link", "minutes", "hours"})
CREDENTIALS = frozenset({"ended_api_keys", "ended_passkeys", "living_api_keys", "living_passkeys"})
SEND_AGAIN, ASK = "send_again", "ask"  # what becomes of a message whose outcome is unknown
OPTIONAL = frozenset({"name"})  # every mail may greet


@dataclass(frozen=True, slots=True)
class Template:
    """The variables that a message must be given, those that it may, and the lane that it waits in."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = OPTIONAL
    lane: str = URGENT
    is_internal: bool = True  # only other services of Doorward may cause it, never a caller of the API
    # Whoever reads the mail of a registration may never have heard of us: no stranger's name goes there.
    greets: bool = True
    links: frozenset[str] = frozenset({"link"})  # variables that have to lead where links may
    on_unknown: str | None = None  # `send_again` or `ask`; None: by whether it holds a code

    @property
    def holds_code(self) -> bool:
        """Whether who reads the mail can act as its owner: nobody needs its content once it has ended."""
        return "link" in self.required

    @property
    def is_sent_again(self) -> bool:
        """Whether a message with an unknown outcome is sent again: a second copy of a code does no harm,
        and its reader waits for it. Of anything else a person decides.
        """
        return self.holds_code if self.on_unknown is None else self.on_unknown == SEND_AGAIN


TEMPLATES: Mapping[str, Template] = {
    "account_deletion": Template(frozenset({"time"})),
    "account_deletion_cancelled": Template(WHERE),
    "account_disabled": Template(),
    "account_exists": Template(greets=False),
    "account_invitation": Template(CODE),
    "api_key_created": Template(WHERE | {"key_name"}),
    "api_key_deleted": Template(WHERE | {"key_name"}),
    "email_change_confirm": Template(CODE),
    "email_change_notice": Template(),
    "email_changed": Template(),
    "email_changed_undo": Template(frozenset({"link", "days"})),
    "export_ready": Template(frozenset({"time"})),
    "message": Template(
        frozenset({"subject", "text"}), OPTIONAL | {"link", "button"}, lane=NORMAL, is_internal=False
    ),
    "mfa_changed": Template(optional=OPTIONAL | WHERE | {"change", "credential"}),
    "new_device": Template(WHERE),
    "organization_invitation": Template(
        frozenset({"code", "link", "days"}), optional=OPTIONAL | {"organization"}, greets=False
    ),
    "passkey_copied": Template(WHERE),
    "password_changed": Template(frozenset({"time"}), optional=OPTIONAL | CREDENTIALS),
    "password_reset": Template(CODE),
    "password_was_reset": Template(frozenset({"time"}), optional=OPTIONAL | CREDENTIALS),
    "refresh_token_reused": Template(WHERE),
    "second_factor_failed": Template(WHERE),
    "set_password": Template(CODE),
    "sign_in_code": Template(CODE),
    "signed_out_everywhere": Template(optional=OPTIONAL | CREDENTIALS),
    "verify_email": Template(CODE, greets=False),
}


def check(template: Template, variables: Mapping[str, str]) -> None:
    """Raise where a caller of the API may not send the template, or gives other variables than it has."""
    if template.is_internal:
        raise TemplateInternal
    check_exactly(template, variables)


def check_exactly(template: Template, variables: Mapping[str, str]) -> None:
    """Raise VariablesInvalid where a variable is missing or the template has no such one."""
    unknown = variables.keys() - template.required - template.optional
    _refuse(template.required - variables.keys(), unknown)


def check_complete(template: Template, variables: Mapping[str, str]) -> None:
    """Raise VariablesInvalid where the mail would have a gap.

    A variable too much is passed over: it comes from a newer release of another service.
    """
    _refuse(template.required - variables.keys(), frozenset())


def _refuse(missing: Set[str], unknown: Set[str]) -> None:
    mistakes = [*_pointers(missing, "This variable is missing.")]
    mistakes += _pointers(unknown, "The template has no such variable.")
    if mistakes:
        raise VariablesInvalid(errors=mistakes)


def _pointers(names: Set[str], detail: str) -> Sequence[dict[str, str]]:
    return [{"pointer": f"/variables/{name}", "detail": detail} for name in sorted(names)]
