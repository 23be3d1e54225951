"""What a business knows, and where it came from."""

from knowledge.models.entry import Entry, EntryQuerySet, Revision
from knowledge.models.example import Example, ExampleQuerySet
from knowledge.models.index import KnowledgeIndex, hold_knowledge, note_change
from knowledge.models.source import Source, Upload
from knowledge.models.vector import Vector

__all__ = [
    "Entry",
    "EntryQuerySet",
    "Example",
    "ExampleQuerySet",
    "KnowledgeIndex",
    "Revision",
    "Source",
    "Upload",
    "Vector",
    "hold_knowledge",
    "note_change",
]
