"""Reading entries from files, and storing many of them at once.

JSONL (one object a line), CSV with a header, and folders of Markdown files. What cannot
be read becomes a `Problem` that says where and why; all the rest goes through.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from core.exceptions import AppError
from core.text import clean_text
from knowledge.models import Entry, Revision, note_change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from accounts.models import Account, User

#: Entries stored in one transaction.
BATCH = 500
#: Longest text of one entry, in characters.
MAX_BODY = 1_000_000

_CSV = {".csv", ".tsv"}
_JSONL = {".jsonl", ".ndjson"}
_MARKDOWN = {".md", ".markdown"}


class UnreadableSource(AppError):
    """There is nothing at this path that entries could be read from."""

    code = "unreadable_source"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry as it was read."""

    external_id: str
    title: str
    body: str
    entry_type: str
    lang: str
    #: File and line.
    source: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be imported."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(slots=True)
class Report:
    """What became of everything that was read."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many entries were dealt with so far, good and bad."""
        return self.added + self.changed + self.unchanged + len(self.problems)

    def __str__(self) -> str:
        return (
            f"added {self.added}, changed {self.changed},"
            f" unchanged {self.unchanged}, failed {len(self.problems)}"
        )


def read(path: Path) -> Iterator[Item | Problem]:
    """The entries of a file or folder, lazily; raises `UnreadableSource`."""
    if path.is_dir():
        return _unique(_read_folder(path))
    if not path.exists():
        raise UnreadableSource(f"There is no file or folder {path}.")
    suffix = path.suffix.lower()
    if suffix in _JSONL:
        return _unique(_read_jsonl(path))
    if suffix in _CSV:
        return _unique(_read_csv(path))
    if suffix in _MARKDOWN:
        return _unique(iter([_read_markdown(path, path.parent)]))
    raise UnreadableSource(
        f"{path} is not JSONL (.jsonl), CSV (.csv), Markdown (.md) or a folder."
    )


def import_entries(
    *,
    account: Account,
    items: Iterable[Item | Problem],
    author: User | None = None,
    on_progress: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Store entries; those known by their id are updated and keep their status.

    Commits in batches. The knowledge's version grows once, at the end and in any case,
    so that running services read the entries of a broken-off import too.
    """
    report = Report()
    source = iter(items)
    try:
        while batch := list(islice(source, BATCH)):
            good = [each for each in batch if isinstance(each, Item)]
            report.problems += [each for each in batch if isinstance(each, Problem)]
            if good:
                _store(account, good, author, report)
            on_progress(report)
    finally:
        note_change(account.pk)
    return report


def _store(
    account: Account, items: list[Item], author: User | None, report: Report
) -> None:
    try:
        _store_once(account, items, author, report)
    except IntegrityError:
        # Somebody else added one of them just now; this time it is found.
        _store_once(account, items, author, report)


@transaction.atomic
def _store_once(
    account: Account, items: list[Item], author: User | None, report: Report
) -> None:
    names = [item.external_id for item in items]
    rows = Entry.objects.select_for_update().filter(
        account=account, external_id__in=names
    )
    known: dict[str, Entry] = {row.external_id: row for row in rows.order_by("pk")}
    new = [_entry(account, item) for item in items if item.external_id not in known]
    changed: list[Entry] = []
    reworded: list[Entry] = []
    for item in items:
        entry = known.get(item.external_id)
        if entry is None or not _differs(entry, item):
            continue
        if (entry.title, entry.body) != (item.title, item.body):
            entry.revision += 1
            reworded.append(entry)
        _take_over(entry, item)
        changed.append(entry)
    Entry.objects.bulk_create(new)
    # The rows are there and locked; this is four times as fast as `bulk_update`.
    Entry.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[*_FIELDS, "revision", "updated_at"],
    )
    Revision.objects.bulk_create(
        Revision(
            entry=entry,
            number=entry.revision,
            title=entry.title,
            body=entry.body,
            author=author,
        )
        for entry in [*new, *reworded]
    )
    report.added += len(new)
    report.changed += len(changed)
    report.unchanged += len(items) - len(new) - len(changed)


#: What an import may change in an entry.
_FIELDS = ("title", "body", "entry_type", "lang", "source")


def _entry(account: Account, item: Item) -> Entry:
    entry = Entry(account=account, external_id=item.external_id)
    _take_over(entry, item)
    return entry


def _take_over(entry: Entry, item: Item) -> None:
    for name in _FIELDS:
        setattr(entry, name, getattr(item, name))
    entry.updated_at = timezone.now()


def _differs(entry: Entry, item: Item) -> bool:
    # Another place in the file is no change.
    return any(
        getattr(entry, name) != getattr(item, name)
        for name in _FIELDS
        if name != "source"
    )


def _unique(items: Iterator[Item | Problem]) -> Iterator[Item | Problem]:
    """Of entries with one id the first; the others are problems."""
    seen: dict[str, str] = {}
    for item in items:
        if isinstance(item, Problem):
            yield item
        elif item.external_id in seen:
            first = seen[item.external_id]
            yield Problem(
                item.source, f"the id “{item.external_id}” stands in {first} already"
            )
        else:
            seen[item.external_id] = item.source
            yield item


def _read_jsonl(path: Path) -> Iterator[Item | Problem]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path.name}:{number}"
            line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                data = json.loads(line.decode())
            except UnicodeDecodeError:
                yield Problem(where, "not UTF-8")
            except (ValueError, RecursionError) as exc:
                yield Problem(where, f"not JSON: {exc}")
            else:
                yield _item(data, where)


def _read_csv(path: Path) -> Iterator[Item | Problem]:
    csv.field_size_limit(2 * MAX_BODY)
    # Bytes that are not UTF-8 become surrogates, which `_item` refuses in their row.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)
        rows = csv.DictReader(file, delimiter=delimiter, strict=True)
        columns = {name.strip() for name in rows.fieldnames or () if name}
        missing = sorted({"title", "body"} - columns)
        if missing:
            raise UnreadableSource(
                f"{path.name} has no column {' and no column '.join(missing)};"
                " the first line must name the columns."
            )
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as exc:
                yield Problem(f"{path.name}:{rows.line_num}", f"not CSV: {exc}")
            else:
                yield _csv_item(row, f"{path.name}:{rows.line_num}")


def _csv_item(row: dict[str | Any, str | Any], where: str) -> Item | Problem:
    if None in row:
        return Problem(where, "more values than columns")
    data = {name.strip(): value for name, value in row.items() if value is not None}
    if any("\udc80" <= each <= "\udcff" for value in data.values() for each in value):
        return Problem(where, "not UTF-8")
    return _item(data, where)


def _read_folder(folder: Path) -> Iterator[Item | Problem]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _MARKDOWN
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise UnreadableSource(f"There are no Markdown files in {folder}.")
    for path in found:
        yield _read_markdown(path, folder)


_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_HEADING = re.compile(r"\A\s*# +(.+?)[ #]*(?:\n|\Z)")


def _read_markdown(path: Path, folder: Path) -> Item | Problem:
    where = path.relative_to(folder).as_posix()
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return Problem(where, "not UTF-8")
    except OSError as exc:
        return Problem(where, f"cannot be read: {exc.strerror}")
    facts: dict[str, str] = {}
    if match := _FRONT_MATTER.match(text):
        facts = _front_matter(match[1])
        text = text[match.end() :]
    title = facts.get("title", "")
    if not title and (heading := _HEADING.match(text)):
        title = heading[1]
        text = text[heading.end() :]
    data = {
        "entry_id": where,
        "title": title or path.stem.replace("-", " ").replace("_", " ").capitalize(),
        "body": text,
        "entry_type": facts.get("type") or Entry.Type.ARTICLE,
        "lang": facts.get("lang", ""),
    }
    return _item(data, where)


def _front_matter(text: str) -> dict[str, str]:
    """The `name: value` lines; whatever else stands there is not ours."""
    pairs = (line.partition(":") for line in text.splitlines() if line[:1].strip())
    return {
        name.strip().lower(): value.strip().strip("\"'")
        for name, colon, value in pairs
        if colon
    }


def _item(data: Any, where: str) -> Item | Problem:
    """An entry from names and values, or what is wrong with them."""
    if not isinstance(data, dict):
        return Problem(where, "not an object with names and values")
    values: dict[str, str] = {}
    for name in ("entry_id", "title", "body", "entry_type", "lang"):
        value = data.get(name)
        if value is None:
            value = ""
        elif isinstance(value, int) and name == "entry_id":
            value = str(value)
        if not isinstance(value, str):
            return Problem(where, f"`{name}` is not a text")
        values[name] = clean_text(value).strip()
    values["entry_type"] = values["entry_type"] or Entry.Type.FAQ
    # The same title gives the same id, so that importing again updates.
    values["entry_id"] = (
        values["entry_id"] or slugify(values["title"], allow_unicode=True)[:200]
    )
    why = _fault(values)
    if why:
        return Problem(where, why)
    return Item(
        external_id=values["entry_id"],
        title=values["title"],
        body=values["body"],
        entry_type=values["entry_type"],
        lang=values["lang"],
        source=where[:500],
    )


_LONGEST = {"title": 500, "body": MAX_BODY, "entry_id": 200, "lang": 12}


def _fault(values: dict[str, str]) -> str:
    """What is wrong with the values of an entry, if anything."""
    for name, most in _LONGEST.items():
        if name != "lang" and not values[name]:
            return f"`{name}` is missing"
        if len(values[name]) > most:
            return f"`{name}` has more than {most} characters"
    if values["entry_type"] not in Entry.Type.values:
        known = ", ".join(Entry.Type.values)
        return f"`entry_type` is “{values['entry_type'][:40]}”; it can be {known}"
    return ""
