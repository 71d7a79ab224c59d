"""The app's GraphQL documents: one operation or fragment for each file of `operations/`, found by its name."""

import functools
import re
from importlib.resources import files

_SPREAD = re.compile(r"\.\.\.\s*(?!on\b)([A-Za-z]\w*)")


@functools.cache
def document(name: str) -> str:
    """The operation `name` followed by every fragment that it uses, directly or not."""
    parts: dict[str, str] = {}
    wanted = [name]
    while wanted:
        part = wanted.pop(0)
        if part not in parts:
            parts[part] = _text(part)
            wanted.extend(_SPREAD.findall(parts[part]))
    return "\n".join(parts.values())


def operation_names() -> list[str]:
    """Every operation; fragments (files named `...Fields`) are parts of them."""
    folder = files("mobile_stub") / "operations"
    names = (entry.name.removesuffix(".graphql") for entry in folder.iterdir() if entry.name.endswith(".graphql"))
    return sorted(name for name in names if not name.endswith("Fields"))


def _text(name: str) -> str:
    return (files("mobile_stub") / "operations" / f"{name}.graphql").read_text(encoding="utf-8")
