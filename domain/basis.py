"""What a programme counts by: a member's footprint is never a mixture of both where there is a choice."""

from enum import StrEnum


class EmissionBasis(StrEnum):
    """DIRECT is emissions at the source (chimney, tailpipe, power station); LIFECYCLE adds the supply of fuels too."""

    DIRECT = "DIRECT"
    LIFECYCLE = "LIFECYCLE"
