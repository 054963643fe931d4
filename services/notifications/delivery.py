"""The delivery of mails: attempts under a lease, retries held in the database, outcomes told honestly.

    queued, scheduled, retrying ─▶ sending ─▶ sent
                ▲                     │ ├───▶ failed            refused for good, expired, tried for too long
                └──── refused ────────┘ └───▶ outcome_unknown   handed over, and no answer came

An attempt begins and ends with a conditional UPDATE: of many bells that ring for one mail, one sends it, and
whoever was overtaken meanwhile writes nothing.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from jinja2 import TemplateError

from services.notifications import catalog, outcomes, rendering
from services.notifications.deps import deps
from services.notifications.errors import TemplateUnknown, VariablesInvalid
from services.notifications.finishing import FINISH_SECONDS, finish, is_worthless
from services.notifications.handover import Note, NotNoted
from services.notifications.models import db
from services.notifications.outcomes import Outcome
from services.notifications.refusals import OutcomeUnknown, Refused
from services.notifications.rendering import Rendered
from services.notifications.store import attempts
from services.notifications.store import mails as store
from services.notifications.store.attempts import Attempt
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger
from shared.chassis.sealing import SealBroken

# An attempt that has come to the handover with less left of its lease gives up: somebody else may begin.
LEAST_LEFT = timedelta(seconds=1)

log = get_logger(__name__)


def deliver(notification_id: str) -> None:
    """One attempt at one mail, if one is due; a bell that rang too often finds nothing to do."""
    now = utcnow()
    lease = timedelta(seconds=deps().settings.attempt_lease_seconds)
    with deps().progress.attempt():
        with transaction(db):
            attempt = attempts.begin(UUID(notification_id), now, lease)
        if attempt is not None:
            finish(attempt, _try(attempt, now, give_up_at=now + lease - LEAST_LEFT))


def _try(attempt: Attempt, now: datetime, *, give_up_at: datetime) -> Outcome:
    if attempt.expires_at is not None and attempt.expires_at <= now:
        return outcomes.failed("expired")
    try:
        content = _content(attempt)
    except (TemplateUnknown, VariablesInvalid) as error:
        return outcomes.failed(error.code, _pointers(error))
    except (TemplateError, SealBroken) as error:
        return outcomes.failed("not_renderable", repr(error))
    return _send(attempt, content, give_up_at)


def _content(attempt: Attempt) -> Rendered:
    variables = orjson.loads(deps().sealer.open(attempt.sealed_variables or ""))
    catalog.check_complete(attempt.template, variables)
    return rendering.render(attempt.template, attempt.locale, variables)


def _pointers(error: TemplateUnknown | VariablesInvalid) -> str:
    return "; ".join(f"{mistake['pointer']}: {mistake['detail']}" for mistake in error.errors or [])


def _send(attempt: Attempt, content: Rendered, give_up_at: datetime) -> Outcome:
    try:
        with deps().notes.note(attempt.notification_id, attempt.attempt_id) as note:
            handover = _Handover(note, attempt, give_up_at)
            return _converse(attempt, content, handover)
    except NotNoted as error:
        log.warning("handover_not_noted", notification_id=str(attempt.notification_id), cause=repr(error))
        return _not_sent(attempt, f"the handover could not be noted: {error}")


def _converse(attempt: Attempt, content: Rendered, handover: "_Handover") -> Outcome:
    try:
        answer = deps().sender.send(
            content, to_email=attempt.to_email, message_id=attempt.message_id, handover=handover
        )
    except Refused as error:
        outcome = _refused(attempt, error)
    except OutcomeUnknown as error:
        outcome = outcomes.unknown("no_answer", str(error))
    except NotNoted:
        raise
    except Exception as error:
        # A surprise must neither lose the mail nor send it twice, nor be repeated for ever.
        log.exception("attempt_surprised", notification_id=str(attempt.notification_id))
        is_out = handover.is_committed
        outcome = outcomes.unknown("no_answer", repr(error)) if is_out else _not_sent(attempt, repr(error))
    else:
        outcome = outcomes.sent(answer)
    is_written = handover.is_committed and handover.confirm()
    return replace(outcome, is_written=is_written)


def _refused(attempt: Attempt, error: Refused) -> Outcome:
    if error.is_permanent:
        return outcomes.failed("refused", str(error))
    return _not_sent(attempt, str(error))


def _not_sent(attempt: Attempt, detail: str) -> Outcome:
    return outcomes.not_sent(
        detail, attempts=attempt.number, due_at=attempt.due_at, now=utcnow(), patience=deps().patience
    )


@dataclass(slots=True)
class _Handover:
    """The handover of one attempt, as the conversation with the mail server sees it."""

    note: Note
    attempt: Attempt
    give_up_at: datetime
    is_committed: bool = field(default=False, init=False)

    def prepare(self) -> None:
        """Have the note ready; raises NotNoted where somebody else may begin an attempt any moment."""
        now = utcnow()
        if now >= self.give_up_at:
            raise NotNoted("the lease is all but over")
        answer_within = timedelta(seconds=deps().settings.smtp_final_timeout_seconds + FINISH_SECONDS)
        self.note.write(now + answer_within)
        self.is_committed = True  # beforehand: nothing may come between the note and the dot

    def commit(self) -> None:
        """Put the note into the socket."""
        self.note.commit()

    def release(self) -> None:
        """Let it go out."""
        self.note.release()

    def tell_sent(self, answer: str) -> None:
        """Write the end, before anything else can happen."""
        is_content_erased = is_worthless(self.attempt, outcomes.sent(answer))
        self.note.write_sent(store.short(answer), utcnow(), is_content_erased=is_content_erased)

    def confirm(self) -> bool:
        """Whether the end is written. Where not even the note was, what follows writes what is known."""
        try:
            return self.note.confirm()
        except NotNoted:
            log.exception("handover_not_noted", notification_id=str(self.attempt.notification_id))
            return False
