"""Entries from files and pages: read one by one, stored many at a time."""

from knowledge.importing.files import read
from knowledge.importing.items import Item, Problem, UnreadableSource
from knowledge.importing.report import Report
from knowledge.importing.storing import BATCH, import_entries

__all__ = [
    "BATCH",
    "Item",
    "Problem",
    "Report",
    "UnreadableSource",
    "import_entries",
    "read",
]
