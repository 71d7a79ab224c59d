"""Damage to files by the dice: cut anywhere, or with bytes changed, cut out, said again and put in."""

import random
from collections.abc import Sequence


def cut_in_part(content: bytes, name: str, part: int, parts: int) -> bytes:
    """The content up to a place in this part of it, counted from 1; the same for the same name."""
    place = random.Random(f"{name} {part}").randrange((part - 1) * len(content) // parts, part * len(content) // parts)
    return content[:place]


def bent(content: bytes, dice: random.Random, changes: int, inserts: Sequence[bytes]) -> bytes:
    bent = bytearray(content)
    for _change in range(changes):
        if not bent:
            break
        at = dice.randrange(len(bent))
        match dice.randrange(4):
            case 0:
                bent[at] = dice.randrange(256)
            case 1:
                del bent[at : at + dice.randrange(1, 40)]
            case 2:
                bent[at:at] = bent[dice.randrange(len(bent)) :][: dice.randrange(1, 200)]
            case _:
                bent[at:at] = dice.choice(inserts)
    return bytes(bent)
