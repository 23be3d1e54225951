"""Long bodies in pieces that a question can be compared with."""

import re

from core.text import split_text

#: A piece holds at most about so many words; encoders read no further.
WORDS = 180
_HEADING = re.compile(r"^#{1,6}\s")
_SEAM = re.compile(r"\n\s*\n")


def chunks(title: str, body: str) -> list[str]:
    """The body in order, cut at headings, paragraphs or sentences; short ones whole.

    Nothing is lost. The title counts towards the size, because it goes with each.
    """
    room = max(WORDS // 2, WORDS - len(title.split()))
    pieces: list[str] = []
    kept = ""
    for block in _blocks(body, room):
        if kept and len(kept.split()) + len(block.split()) > room:
            pieces.append(kept)
            kept = block
        else:
            kept = f"{kept}\n\n{block}" if kept else block
    return [*pieces, kept] if kept or not pieces else pieces


def _blocks(body: str, room: int) -> list[str]:
    """Paragraphs, a heading joined to the next one, none longer than the room."""
    found: list[str] = []
    for block in _SEAM.split(body.strip()):
        if found and _is_heading(found[-1]):
            block = f"{found.pop()}\n\n{block}"
        found.extend(_cut(block, room))
    return found


def _is_heading(block: str) -> bool:
    return "\n" not in block and bool(_HEADING.match(block))


def _cut(block: str, room: int) -> list[str]:
    words = len(block.split())
    if words <= room:
        return [block]
    parts = -(-words // room)
    # Even parts: a last one of three words would answer nothing.
    return split_text(block, -(-len(block) // parts) + len(block) // (10 * parts))
