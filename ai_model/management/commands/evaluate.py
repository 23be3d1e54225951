"""`manage.py evaluate`: how good the answers are, on questions with labels."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from accounts.services import find_account
from ai_model import evaluation, labelled, metrics, providers, reports
from ai_model.providers import models
from ai_model.vector_cache import VectorCache
from core.commands import Error, OperatorCommand
from core.exceptions import AppError
from knowledge import embedders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.management.base import CommandParser

    from ai_model.reports import Run

#: Questions of which a change is told, each way.
_MOST_TOLD = 10
_HANDOFF = Path("handoff") / "dev.jsonl"


class Command(OperatorCommand):
    """Asks labelled questions, prints figures and keeps a report."""

    help = "Measure answers on a folder of labelled questions or an account's own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", metavar="FOLDER_OR_ACCOUNT")
        parser.add_argument(
            "--warm", action="store_true", help="with earlier questions known"
        )
        parser.add_argument(
            "--cold", action="store_true", help="without them (the default)"
        )
        parser.add_argument(
            "--model", metavar="PROVIDER=NAME", help="for accounts: ask this model"
        )
        parser.add_argument(
            "--most", type=int, default=0, help="for accounts: so many questions"
        )
        parser.add_argument("--by-kind", action="store_true", help="also by kind")
        parser.add_argument("--output", type=Path, help="where to keep the report")
        parser.add_argument("--compare", type=Path, help="an earlier report")
        parser.add_argument("--goals", type=Path, help="goals to print beside")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.DATA_DIR / "evaluations"
        name = _file_name(options["target"])
        goals = reports.read_goals(options["goals"]) if options["goals"] else []
        earlier = options["compare"] or reports.latest(folder, name)
        before = reports.read_goods(earlier) if earlier else {}
        businesses = self._businesses(options)
        runs = self._ask(businesses, folder)
        figures = reports.figures_of(runs)
        self.stdout.write("\n".join(reports.table(figures)))
        if options["by_kind"]:
            for run in runs:
                self.stdout.write("\n".join(reports.by_kind(run)))
        handoff = self._judge_handoff(Path(options["target"]))
        if goals:
            self.stdout.write("\n".join(["", *reports.goal_lines(goals, runs)]))
        if earlier:
            self._tell_changes(earlier, before, runs)
        stamp = timezone.now().strftime("%Y%m%dT%H%M%S%f")
        path = options["output"] or folder / f"{name}-{stamp}.json"
        try:
            reports.write(path, runs, {"target": options["target"], "handoff": handoff})
        except OSError as exc:
            raise Error(f"The report cannot be written: {exc}.") from exc
        self.stdout.write(f"\nReport: {path}")

    def _businesses(self, options: dict[str, Any]) -> Sequence[labelled.Business]:
        folder = Path(options["target"])
        if folder.exists():
            if options["model"]:
                raise Error("--model asks an account's own questions, not a folder's.")
            cold = options["cold"] or not options["warm"]
            found = list(
                labelled.businesses_in(folder, cold=cold, warm=options["warm"])
            )
            if not found:
                raise Error(f"No business in {folder} has earlier questions.")
            return found
        try:
            account = find_account(options["target"])
        except AppError as exc:
            raise Error(
                f"“{options['target']}” is neither a folder nor an account here."
            ) from exc
        model = _model(options["model"]) if options["model"] else None
        business = labelled.business_of(account, model, max(0, options["most"]))
        self.stdout.write(
            f"{business.size // 2} of the approved questions of {account} are asked"
            " twice: without being known themselves,\nwhen their entry should answer, and"
            " with the entry taken out as well, when they should be handed over.\n"
        )
        return [business]

    def _ask(self, businesses: Sequence[labelled.Business], folder: Path) -> list[Run]:
        encoder = embedders.current()
        folder.mkdir(parents=True, exist_ok=True)
        vectors = VectorCache(encoder, folder, self._on_vectors) if encoder else None
        runs = []
        try:
            for each in businesses:
                told = functools.partial(self._on_question, each)
                outcomes = evaluation.ask(each, vectors, told)
                runs.append(reports.Run(each.name, each.mode, tuple(outcomes)))
                if vectors:
                    vectors.save()
        finally:
            if vectors:
                vectors.save()
            self._clear_line()
        return runs

    def _judge_handoff(self, folder: Path) -> metrics.Figures:
        path = folder / _HANDOFF
        if not path.exists():
            return {}
        figures = metrics.measure_handoff(evaluation.judge_handoff(path))
        told = "  ".join(
            f"{name} {value:.3f}"
            for name, value in figures.items()
            if value is not None
        )
        self.stdout.write(f"\nRequests for a person: {told}")
        return figures

    def _tell_changes(
        self, earlier: Path, before: dict[str, dict[str, bool]], runs: list[Run]
    ) -> None:
        self.stdout.write(f"\nAgainst {earlier.name}:")
        for run in runs:
            if run.label not in before:
                continue
            change = evaluation.compare(before[run.label], run.outcomes)
            self.stdout.write(
                f"{run.label}: {len(change.won)} won, {len(change.lost)} lost"
            )
            for mark, questions in (("+", change.won), ("-", change.lost)):
                for question in questions[:_MOST_TOLD]:
                    self.stdout.write(f"  {mark} {' '.join(question.split())[:100]}")

    def _on_question(self, business: labelled.Business, done: int) -> None:
        if done % 50 == 0 or done == business.size:
            self._progress(f"{business.name} {business.mode}: {done}/{business.size}")

    def _on_vectors(self, done: int, total: int) -> None:
        self._progress(f"Vectors: {done}/{total}")

    def _progress(self, line: str) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{line}", str, ending="")
            self.stderr.flush()

    def _clear_line(self) -> None:
        if sys.stderr.isatty():
            self.stderr.write("\r\033[K", str, ending="")


def _model(text: str) -> labelled.Model:
    """The model that `gemini=gemini-3.5-flash` names, if it can be asked today."""
    key, _, name = text.partition("=")
    if key not in providers.REGISTRY or not name:
        raise Error(f"“{text}” names no model; write it as gemini=gemini-3.5-flash.")
    if not providers.get(key).is_configured():
        raise Error(f"{key} has no key, so its models cannot be asked.")
    problem = models.check_model(key, name, timezone.now().date())
    if problem:
        raise Error(problem)
    return labelled.Model(key, name)


def _file_name(target: str) -> str:
    """The target as part of a file's name."""
    return re.sub(r"[^\w.-]+", "_", Path(target).name or "all") or "all"
