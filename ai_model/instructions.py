"""Instructions for one provider's channels: the account's own, else those all share.

The account's own are a prompt with versions, as any other; an empty one is none. Those
that all share come with the product, or from the operator's own file.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from ai_model.models import Prompt

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Which kind of prompt is only for channels of which provider.
KINDS: Final = {"kommo": Prompt.Kind.KOMMO.value}
#: The version of what all accounts share.
SHARED: Final = 0
_OURS: Final = Path(__file__).parent / "shared_instructions.txt"


def told(prompts: Iterable[Prompt], provider: str = "") -> list[Prompt]:
    """Those of an account's prompts that count on a provider's channels."""
    only = KINDS.get(provider)
    found = [
        each
        for each in prompts
        if each.kind not in KINDS.values() or (each.kind == only and each.text.strip())
    ]
    if only and all(each.kind != only for each in found):
        found.append(Prompt(kind=only, version=SHARED, text=shared()))
    return found


def shared() -> str:
    """What every account's assistant is told that has no instructions of its own."""
    for path in (operators_file(), _OURS):
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            continue
        return _read(path, changed)
    return ""


def operators_file() -> Path:
    """Where the operator may put other shared instructions."""
    return Path(settings.DATA_DIR) / "bot_instructions" / "shared_instructions.txt"


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> str:  # noqa: ARG001 (names the state of the file)
    return path.read_text(encoding="utf-8-sig", errors="replace").strip()
