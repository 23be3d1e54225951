"""Reading a source that this process has claimed, and telling how far it is."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from django.utils import timezone

from core.exceptions import AppError
from knowledge.importing import Problem, import_entries, read
from knowledge.importing.crawling import Crawl
from knowledge.importing.report import Report
from knowledge.importing.storing import archive_gone
from knowledge.models import Entry, Source, Upload, note_change
from knowledge.sources import LEASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from knowledge.importing import Item

#: Seconds between two signs of progress.
TELL_S = 1.0


class ReadingStopped(AppError):
    """This process is to stop, or another one has taken the source over."""

    code = "reading_stopped"
    status_code = 409


class Progress:
    """Keeps the claim on a source alive, and its report as far as it has come."""

    def __init__(
        self,
        source: Source,
        *,
        on_report: Callable[[Report], None] = lambda _: None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source = source
        self._on_report = on_report
        self._is_stopping = is_stopping
        self._report = Report()
        self._due = time.monotonic()

    def tell(self, report: Report) -> None:
        """Take note of what is done; raises `ReadingStopped`."""
        self._report = report
        self._on_report(report)
        self.beat()

    def beat(self) -> None:
        """Show a sign of life, now and then; raises `ReadingStopped`."""
        if self._is_stopping():
            _keep(self._source, state=Source.State.WAITING, due_at=timezone.now())
            raise ReadingStopped("The reading was stopped, and goes on later.")
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + TELL_S
        until = timezone.now() + LEASE
        if not _keep(self._source, due_at=until, report=self._report.in_full()):
            raise ReadingStopped("Somebody else has taken the source over.")
        self._source.due_at = until


def read_source(source: Source, progress: Progress | None = None) -> Report:
    """Read a claimed source, and note what it brought and when it is due next.

    What cannot be read is in the report. Raises `ReadingStopped`.
    """
    progress = progress or Progress(source)
    try:
        if source.kind == Source.Kind.FILE:
            report = _read_upload(source, progress)
        else:
            report = _crawl(source, progress)
    except ReadingStopped:
        raise
    except AppError as exc:
        report = Report(problems=[Problem(source.address, str(exc))])
    except BaseException as exc:
        if not Source.objects.filter(pk=source.pk).exists():
            raise ReadingStopped("The source was deleted.") from exc
        _finish(source, "It broke off; ask for it again.", Source.State.FAILED)
        raise
    is_nothing = report.seen == len(report.problems) and not report.removed
    failed = bool(report.problems) and is_nothing
    _finish(
        source,
        report.in_full(),
        Source.State.FAILED if failed else Source.State.READ,
    )
    Upload.objects.filter(source=source).delete()
    return report


def _read_upload(source: Source, progress: Progress) -> Report:
    upload = Upload.objects.filter(source=source).first()
    if upload is None:
        raise AppError("The file was read before; upload it again.")
    suffix = PurePosixPath(source.address).suffix
    seen: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="answerdesk-") as folder:
        path = Path(folder, f"upload{suffix}")
        path.write_bytes(upload.data)
        report = _store(source, _noting(read(path, source.address), seen), progress)
    if upload.archives_missing:
        if report.problems:
            report.notes.append(
                "Nothing was archived, because not everything could be read."
            )
        else:
            _archive(source, report, lambda known: known - seen)
    return report


def _crawl(source: Source, progress: Progress) -> Report:
    crawl = Crawl(source, progress.beat)
    report = _store(source, crawl.items(), progress)

    def missing(known: set[str]) -> set[str]:
        pages = {name.partition("#")[0] for name in known}
        lost = crawl.missing(pages)
        if not crawl.is_plausible(lost, pages):
            report.notes.append(
                f"{len(lost)} of {len(pages)} known pages are gone, which looks like a"
                " broken site; nothing was archived."
            )
            return set()
        return {name for name in known if name.partition("#")[0] in lost}

    _archive(source, report, missing)
    return report


def _store(
    source: Source, items: Iterator[Item | Problem], progress: Progress
) -> Report:
    return import_entries(
        account=source.account,
        items=items,
        author=source.asked_by,
        source=source,
        on_progress=progress.tell,
    )


def _archive(
    source: Source, report: Report, choose: Callable[[set[str]], set[str]]
) -> None:
    """Archive those of the source's entries that `choose` names by their ids."""
    rows = source.entries.exclude(status=Entry.Status.ARCHIVED)
    known = dict(rows.values_list("external_id", "pk"))
    gone = (known[name] for name in choose(set(known)))
    count = archive_gone(source.account_id, gone)
    if count:
        report.removed += count
        note_change(source.account_id)


def _noting(
    items: Iterator[Item | Problem], seen: set[str]
) -> Iterator[Item | Problem]:
    for item in items:
        if not isinstance(item, Problem):
            seen.add(item.external_id)
        yield item


def _finish(source: Source, text: str, state: Source.State) -> None:
    now = timezone.now()
    hours = source.every_hours
    due_at = now + dt.timedelta(hours=hours) if hours else None
    _keep(source, state=state, report=text, read_at=now, due_at=due_at)
    source.state, source.report = state, text
    source.read_at, source.due_at = now, due_at


def _keep(source: Source, **values: object) -> bool:
    """Write to a source that this process still holds; False when it does not."""
    held = Source.objects.filter(
        pk=source.pk, state=Source.State.READING, due_at=source.due_at
    )
    return bool(held.update(**values))
