"""What became of everything that was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from knowledge.importing.items import Problem

#: Problems that are told one by one; of more there are only so many.
MOST_TOLD = 100


@dataclass(slots=True)
class Report:
    """What became of everything that was read."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    #: Archived, because the source does not have them any more.
    removed: int = 0
    problems: list[Problem] = field(default_factory=list)
    #: What else its reader should know.
    notes: list[str] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many entries were dealt with so far, good and bad."""
        return self.added + self.changed + self.unchanged + len(self.problems)

    def __str__(self) -> str:
        text = (
            f"added {self.added}, changed {self.changed},"
            f" unchanged {self.unchanged}, failed {len(self.problems)}"
        )
        return f"{text}, removed {self.removed}" if self.removed else text

    def in_full(self) -> str:
        """The figures, then line by line what is to be known."""
        lines = [str(self), *self.notes, *map(str, self.problems[:MOST_TOLD])]
        if len(self.problems) > MOST_TOLD:
            lines.append(f"… and {len(self.problems) - MOST_TOLD} more")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """The report as the API gives it."""
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "failed": len(self.problems),
            "problems": [
                {"where": each.where, "why": each.why}
                for each in self.problems[:MOST_TOLD]
            ],
            "notes": list(self.notes),
        }
