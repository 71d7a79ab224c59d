"""What a person said once about a payee, a socket, a kind of trip or a way holds for the records that come after.

An answer is the factor that was chosen, or NOT_COUNTED. It is kept by the topic of the draft that it answered.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from domain.footprint.captured import CapturedDraft
from domain.footprint.model import ActivitySource, ActivityStatus

NOT_COUNTED = ""
WAY = "way "
"""Before the topic of journeys from one place to another."""
_SPEND = "spend.naics."


@dataclass(frozen=True, slots=True)
class StandingAnswer:
    """`activity` is a factor or NOT_COUNTED; `shared_by` is None where the person did not say how many shared it."""

    activity: str
    shared_by: int | None = None


def answered(draft: CapturedDraft, answer: StandingAnswer) -> CapturedDraft:
    """The draft with the answer put in; the draft as it is where the answer does not fit it any more."""
    if draft.activity is None or not draft.topic:
        return draft
    if answer.activity == NOT_COUNTED:
        return replace(draft, activity=None, quantity=Decimal(0), reason="You said that it is not to be counted.")
    if not fits(draft.activity, draft.choices, answer.activity):
        return draft
    said = "Counted as you answered before."
    return replace(
        draft,
        activity=answer.activity,
        shared_by=answer.shared_by or draft.shared_by,
        status=ActivityStatus.COUNTED,
        reason="",
        choices=(),
        caveats=(*draft.caveats, said),
    )


def holds_for_later(topic: str, answer: str) -> bool:
    """Who walked a way once may drive it tomorrow: what is discarded of a way is asked again."""
    return answer != NOT_COUNTED or not topic.startswith(WAY)


def asked_alone(draft: CapturedDraft) -> CapturedDraft:
    """A record that another source has too, a payment or a charge: one of the two, or two indeed."""
    reason = "Another account or file has a payment of this day and sum. Discard this one if it is the same."
    if draft.source is ActivitySource.DEVICE:
        reason = "Another file has as much energy at this time. Discard this one if it is the same."
    return replace(draft, status=ActivityStatus.QUARANTINED, reason=reason, topic="")


def fits(activity: str, choices: tuple[str, ...], answer: str) -> bool:
    """An answer is one of the choices, or another kind of spending for spending."""
    return answer in choices or answer == activity or (activity.startswith(_SPEND) and answer.startswith(_SPEND))
