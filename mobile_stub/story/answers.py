"""What the person of the story answers when asked. Everything that is not foreseen here, the person says was so."""

from dataclasses import dataclass

from mobile_stub.storage import Json
from mobile_stub.story.meals import SLIP_KILOGRAMS

CAR = "transport.car.passenger_car"
FURNITURE = "spend.naics.337122"


@dataclass(frozen=True, slots=True)
class Answer:
    resolution: str
    why: str
    activity: str | None = None
    shared_by: int | None = None

    @property
    def said(self) -> str:
        if self.resolution != "CHOOSE":
            return {"CONFIRM": "it is right", "DISCARD": "not counted"}[self.resolution]
        shared = f", shared by {self.shared_by}" if self.shared_by else ""
        return f"{self.activity}{shared}"


def answer_to(activity: Json) -> Answer:
    """By what is asked, in the server's own words."""
    reason: str = activity["reason"]
    match activity["source"]:
        case "PHONE" if "on another journey already" in reason:
            return Answer("DISCARD", "Two apps told of the same trip.")
        case "PHONE" if activity["startedAt"][11:13] in ("18", "19") and _is_track(activity):
            return Answer("DISCARD", "That was the rented electric car: the charger counts its energy.")
        case "PHONE" if CAR in activity["choices"]:
            return Answer("CHOOSE", "A colleague's car, the two of us in it.", CAR, 2)
        case "BANK" if "Fuel" in reason:
            return Answer("DISCARD", "The phone has the kilometres of this car.")
        case "BANK" if "trips count" in reason:
            return Answer("DISCARD", "The phone has these flights.")
        case "BANK" if activity["choices"] and FURNITURE in activity["choices"]:
            return Answer("CHOOSE", "A second-hand shop for furniture.", FURNITURE)
        case "DEVICE":
            return Answer("CONFIRM", "At work, not at home: no meter of mine has it.")
        case "MANUAL" if activity["quantity"].startswith(SLIP_KILOGRAMS):
            return Answer("DISCARD", "A slip of the finger: 0.25 kg, written again.")
        case _:
            return Answer("CONFIRM", "It was so.")


def _is_track(activity: Json) -> bool:
    """The satnav's drive is the only journey between two and three kilometres that is asked about."""
    return 2 <= float(activity["quantity"]) <= 3
