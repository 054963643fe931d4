"""The templates: what variables each needs, and how its messages are delivered. Pure."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from services.notifications.errors import TemplateInternal, TemplateUnknown, VariablesInvalid
from services.notifications.lanes import NORMAL, URGENT

WHERE = frozenset({"ip", "device", "time"})
CODE = frozenset({"code", "link", "minutes", "hours"})
CREDENTIALS = frozenset({"ended_api_keys", "ended_passkeys", "living_api_keys", "living_passkeys"})
OPTIONAL = frozenset({"name"})  # every mail may greet


@dataclass(frozen=True, slots=True)
class Template:
    """The variables that a message must be given, those that it may, and the lane that it waits in."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = OPTIONAL
    version: int = 1
    lane: str = URGENT
    is_internal: bool = True  # only other services of Doorward may cause it, never a caller of the API
    # Whoever reads the mail of a registration may never have heard of us: no stranger's name goes there.
    greets: bool = True

    @property
    def holds_code(self) -> bool:
        """Whether who reads the mail can act as its owner: nobody needs its content once it has ended."""
        return "code" in self.required

    @property
    def is_sent_again(self) -> bool:
        """Whether a message with an unknown outcome is sent again: a second copy of a code does no harm,
        and its reader waits for it. Of anything else a person decides.
        """
        return self.holds_code


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
    "message": Template(
        frozenset({"subject", "text"}), OPTIONAL | {"link", "button"}, lane=NORMAL, is_internal=False
    ),
    "mfa_changed": Template(optional=OPTIONAL | WHERE | {"change", "credential"}),
    "new_device": Template(WHERE),
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


def find(name: str) -> Template | None:
    """The template called ``name``."""
    return TEMPLATES.get(name)


def check(name: str, variables: Mapping[str, str]) -> None:
    """Raise where a caller of the API may not send the template, or gives other variables than it has."""
    template = get(name)
    if template.is_internal:
        raise TemplateInternal
    unknown = variables.keys() - template.required - template.optional
    _refuse(template.required - variables.keys(), unknown)


def check_complete(name: str, variables: Mapping[str, str]) -> None:
    """Raise TemplateUnknown or VariablesInvalid where the mail would have a gap.

    A variable too much is passed over: it comes from a newer release of another service.
    """
    _refuse(get(name).required - variables.keys(), frozenset())


def get(name: str) -> Template:
    """The template called ``name``; raises TemplateUnknown."""
    template = find(name)
    if template is None:
        raise TemplateUnknown
    return template


def _refuse(missing: Set[str], unknown: Set[str]) -> None:
    mistakes = [*_pointers(missing, "This variable is missing.")]
    mistakes += _pointers(unknown, "The template has no such variable.")
    if mistakes:
        raise VariablesInvalid(errors=mistakes)


def _pointers(names: Set[str], detail: str) -> Sequence[dict[str, str]]:
    return [{"pointer": f"/variables/{name}", "detail": detail} for name in sorted(names)]
