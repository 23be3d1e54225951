"""`manage.py fit_confidence`: the confidence models, fitted anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ai_model import fit_report, fitting, samples
from ai_model.vector_cache import VectorCache
from core.commands import Error, OperatorCommand
from knowledge import embedders

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

SHIPPED = Path(samples.__file__).with_name("confidence.json")


class Command(OperatorCommand):
    """Fits on labelled businesses, says how good that is on unseen ones, and writes.

    The same folder and the same encoder give the same coefficients.
    """

    help = "Fit the confidence models to a folder of labelled businesses."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--output", type=Path, default=SHIPPED, help="where to write the models"
        )
        parser.add_argument(
            "--threshold", type=float, help="instead of the one that is chosen"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._samples(options["folder"])
        outcomes = fitting.leave_one_out(found, self._say)
        shipped = fitting.as_shipped(outcomes)
        threshold = options["threshold"] or fitting.choose_threshold(shipped)
        self.stdout.write(f"Each business left out in turn, threshold {threshold}:\n")
        self.stdout.write("\n".join(fit_report.table(shipped, threshold)))
        if any(sample.by_meaning for sample in found):
            self.stdout.write("\nThe same without an encoder:\n")
            alone = fitting.by_words_alone(outcomes)
            self.stdout.write("\n".join(fit_report.table(alone, threshold)))
        models = {**fitting.fit(found), "threshold": threshold}
        try:
            options["output"].write_text(json.dumps(models, indent=1) + "\n")
        except OSError as exc:
            raise Error(f"The models cannot be written: {exc}.") from exc

    def _samples(self, folder: Path) -> list[samples.Sample]:
        businesses = samples.businesses(folder)
        if not businesses:
            raise Error(f"There is no business with questions in {folder}.")
        kept = settings.DATA_DIR / "evaluations"
        kept.mkdir(parents=True, exist_ok=True)
        encoder = embedders.current()
        if encoder is None:
            self._say("no encoder: fitted to words alone")
        cache = VectorCache(encoder, kept) if encoder else None
        found: list[samples.Sample] = []
        for business in businesses:
            self._say(f"asking {business.name}")
            vectors = samples.vectors_of(business, cache) if cache else {}
            if cache:
                cache.save()
            found += samples.samples_of(business, vectors)
        return found

    def _say(self, line: str) -> None:
        self.stderr.write(line)
