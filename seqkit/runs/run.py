"""The run: a trained model in its folder, with what it takes to predict, evaluate and export.

What differs from recipe to recipe is behind `seqkit.runs.task.Task`; here is what is the same for all.
"""

import csv
import dataclasses
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.table import Table

from seqkit.checks.leaks import Seen
from seqkit.core.adaptation import Adaptation
from seqkit.core.bounds import one_of
from seqkit.core.errors import InputError, reason_of
from seqkit.core.findings import Finding
from seqkit.core.registry import exporters
from seqkit.export.artefact import artefact_name, write_artefact
from seqkit.export.card import model_card
from seqkit.export.subject import Quantize
from seqkit.metrics.bootstrap import bootstrap, paired_bootstrap
from seqkit.metrics.judged import by_length
from seqkit.metrics.metric import headlines, metric
from seqkit.metrics.sums import part_of
from seqkit.report.document import ScoresTable, adapted_table, against_table, rest_table
from seqkit.report.showing import in_html, in_text
from seqkit.runs.attempts import Attempts
from seqkit.runs.checking import SEEN, as_json, check_scoring, say
from seqkit.runs.comparable import compared_with
from seqkit.runs.contents import RESTORE, file_of, files_like, inside, read_info
from seqkit.runs.evaluation import check_name, check_place, evaluation_name, read_report, write_evaluation
from seqkit.runs.exporting import subject_of, task_of_format
from seqkit.runs.inputs import checked_answers, checked_inputs, rows_of_inputs
from seqkit.runs.inspecting import Inspection, inspect_rows
from seqkit.runs.kept_rows import KeptRows
from seqkit.runs.language_models import adapted_scores
from seqkit.runs.lock import FolderLock
from seqkit.runs.migration import migrated_name
from seqkit.runs.opening import MODEL, answering, check_fits, load_model, load_task
from seqkit.runs.provenance import command, versions
from seqkit.runs.searching import recorded_search, search_fields, searching
from seqkit.runs.task import Facts, Scorer, Task
from seqkit.sources.examples import Examples, OnError
from seqkit.training.executor import Forward

CHUNK = 256  # inputs answered at once
EVALUATION_BATCH = 64
RESAMPLES = 1000
HISTORY = "history.csv"


class Run:
    """A trained model in its folder.

    Attributes:
        path: The folder.
        task: What the recipe knows.
        model: An ordinary Keras model.
        info: run.json: recipe, settings, seed, versions, digest of the data, command.
        forward: The model's graphs, shared with whoever has traced them already.
    Example:
        >>> run.info["recipe"], run.report["metrics"]["accuracy"]["value"]
        ('sentiment', 1.0)
        >>> answer = run.predict(["a good film, number 12"])[0]
        >>> answer["label"], round(answer["probabilities"]["good"], 1)
        ('good', 1.0)
    """

    def __init__(
        self, path: Path, task: Task, model: keras.Model, info: dict[str, Any], forward: Forward | None = None
    ):
        self.path, self.task, self.model, self.info = path, task, model, info
        self.forward = Forward(model) if forward is None else forward
        model.compile(optimizer=info["settings"]["training"]["optimizer"], **task.in_keras())

    def __repr__(self) -> str:
        return in_text(str(self.path), self.info, self.report, self.history if self.report else [])

    def _repr_html_(self) -> str:
        report = self.report
        return in_html(str(self.path), self.info, report, self.history if report else [])

    @property
    def report(self) -> dict[str, Any]:
        """The report that was written when the run was made, or nothing where that failed."""
        return read_report(self.path, self.info)

    @property
    def failed(self) -> dict[str, str]:
        """What failed of all that comes after the training -> why."""
        failed: dict[str, str] = self.info.get("failed", {}) | self.report.get("failed", {})
        return failed

    @property
    def history(self) -> list[dict[str, float]]:
        """history.csv, a dict an epoch.

        Raises:
            InputError: It is damaged.
        """
        path = self._file(HISTORY)
        try:
            with open(path, newline="", encoding="utf-8") as file:
                return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        except (ValueError, TypeError, csv.Error) as error:
            raise InputError(f"{path} is damaged ({error}): {RESTORE}") from None

    def columns(self, other: Mapping[str, str] | None = None) -> dict[str, str]:
        """Field -> column of a source, as in training but for `other`."""
        unknown = set(other or ()) - set(self.task.columns)
        if unknown:
            raise InputError(f"There is no field {unknown.pop()!r}: there are {', '.join(self.task.columns)}.")
        return self.task.columns | dict(other or {})

    def tables(self, report: Mapping[str, Any] | None = None) -> list[Table | ScoresTable]:
        """The scores of a report, or of the run's own, for a terminal: of all rows, of new ones, beside another's."""
        report = self.report if report is None else report
        more = {"adapted": adapted_table, "rest": rest_table, "against": against_table}
        return [ScoresTable(report), *(make(report) for part, make in more.items() if part in report)]

    def searching(self, **changes: Any) -> "Run":
        """The run with another search, for all that it answers, scores and exports; its folder stays as it is.

        Args:
            changes: Fields of `seqkit.Search`: `run.searching(beam=1).predict(texts)`.
        Raises:
            InputError: The run writes no answers, or a setting is wrong or would do nothing.
        """
        task = searching(self.task, self.model, changes, str(self.path))
        return Run(self.path, task, self.model, self.info, self.forward)

    def inputs_of(self, file: str, columns: Mapping[str, str] | None = None) -> Iterator[Sequence[Any]]:
        """Chunks of inputs for `stream`, read from a file; - for standard input.

        Args:
            columns: Field -> column, where they are called otherwise than in the training data.
        """
        return self.task.inputs_of(file, self.columns(columns))

    def predict(self, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Answer inputs, a dict each, in order.

        Args:
            inputs: A list of them, or a data frame with the columns of the training data that hold them.
        Raises:
            InputError: It is neither, or an input is not as expected.
        """
        return list(self.stream([inputs]))

    def stream(self, chunks: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Answer chunks of inputs as they come, a dict each, in order."""
        for chunk in chunks:
            rows = checked_inputs(chunk)
            for start in range(0, len(rows), CHUNK):
                examples = self.asked(rows[start : start + CHUNK])
                pipeline, _ = self.task.encode(examples, EVALUATION_BATCH)
                with answering(self.path):
                    answers = self.task.answers(examples, self.task.outputs(self.forward, pipeline))
                yield from checked_answers(answers)

    def asked(self, inputs: Sequence[Any]) -> Examples:
        """Inputs, as `predict` takes them, as rows."""
        return rows_of_inputs(self.task, inputs)

    def inspect(self, inputs: Sequence[Any], *, answers: Sequence[str] | None = None) -> Inspection:
        """Look inside while inputs are answered: states, gates, attention and probabilities at each step.

        Args:
            inputs: A few, as `predict` takes them.
            answers: Of a run that writes, the texts to go along; nothing for what it writes itself.
        """
        with answering(self.path):
            return inspect_rows(self.task, self.forward, self.asked(inputs), answers=answers)

    def evaluate(
        self,
        data: Any,
        *,
        name: str | None = None,
        against: "Run | None" = None,
        columns: Mapping[str, str] | None = None,
        data_dir: str | None = None,
        overwrite: bool = False,
        adapt: Adaptation | None = None,
    ) -> dict[str, Any]:
        """Score the run and its baselines on data, and write evaluations/NAME/report.json and report.html.

        Args:
            data: Any source of the recipe's columns.
            name: What to call it; nothing for the name of the file, the folder or the data set.
            against: Another run, compared by a paired bootstrap on the same rows.
            columns: Field -> column, where they are called otherwise than in the training data.
            data_dir: Where TFDS keeps prepared data sets.
            overwrite: Replace an evaluation of that name that is of other data.
            adapt: For a language model on a running text: score it too as it takes in what it reads, as "adapted".
        Returns:
            The report; its "name" is the evaluation's.
        Raises:
            InputError: The data is not as expected, the name is taken by other data, or `against` can't be compared.
        """
        if name is not None:
            check_name(name)
        with FolderLock(self.path):
            self.info = read_info(self.path)  # with what others have added since
            examples = self.task.read(data, self.columns(columns), role="test", data_dir=data_dir)
            examples = self.task.examined(examples)
            digest = examples.digest()
            facts = {"source": examples.origin, "rows": len(examples), "digest": digest}
            name = name or evaluation_name(data, digest)
            check_name(name)
            check_place(self.path, name, facts, search_fields(self.task).get("search"), overwrite=overwrite)
            report, kept = self.scored(examples, facts, against=against, aloud=True)
            if adapt is not None:
                report["adapted"] = adapted_scores(self.task, self.model, examples, adapt, RESAMPLES)
            write_evaluation(self.path, self.info, name, report, self.history, kept)
        return report

    def scored(
        self,
        examples: Examples,
        data: Mapping[str, Any],
        *,
        against: "Run | None" = None,
        resamples: int = RESAMPLES,
        aloud: bool = False,
    ) -> tuple[dict[str, Any], KeptRows | None]:
        """The report on rows, and what is kept of each; they are written nowhere.

        A baseline or a section that fails is named in "failed".

        Args:
            data: What is known of the rows: "source", "rows", "digest".
            resamples: For the intervals.
            aloud: Whether to print what is found amiss with the rows.
        """
        started = time.perf_counter()
        pipeline, facts = self.task.encode(examples, EVALUATION_BATCH)
        with answering(self.path):
            outputs = self.task.outputs(self.forward, pipeline)
        seconds = time.perf_counter() - started
        score = self.task.scorer(examples, outputs)
        findings, leaked = self.findings(examples, facts, data["digest"])
        if aloud:
            say(findings)
        compared = {} if against is None else {"against": compared_with(self, against, examples, outputs, resamples)}
        metrics = bootstrap(score, len(examples), resamples=resamples)
        for name in metrics:
            metric(name)  # which refuses one that nobody declared
        attempts, sections, kept = Attempts(), {}, None
        baselines, tests = self._beside_baselines(examples, score, attempts, resamples)
        with attempts("sections of the report"):
            sections = self.task.sections(self.model, examples, outputs)
        with attempts("what is kept of each row"):
            kept = KeptRows(score, self.task.items(examples), self.task.judged(examples, outputs))
            name = getattr(self.task, "judged_by", None) or headlines(list(metrics))[0]
            sections["per_length"] = by_length(kept.items, kept.judged, name)
        return {
            "recipe": self.info["recipe"],
            "metrics": metrics,
            "baselines": baselines,
            "bounds": self.info.get("bounds", {}),
            "compared": tests,
            "kept": self.info.get("kept"),
            "data": dict(data)
            | {"split": "validation" if self.validated_on(data["digest"]) else "test"}
            | facts
            | {"padding_share": pipeline.padding_share()},
            **sections,
            "timings": {"training_seconds": self.info["training_seconds"], "prediction_seconds": round(seconds, 3)},
            "settings": self.info["settings"],
            **search_fields(self.task),
            "versions": versions(),
            "trained_with": self.info["command"],
            "command": command(),
            "findings": as_json(findings),
            "training_findings": self.info.get("findings", []),
            **self._on_the_rest(score, len(examples), leaked, resamples),
            "failed": self.info.get("failed", {}) | attempts.failed,
            **compared,
        }, kept

    def validated_on(self, digest: str) -> bool:
        """Whether the rows of this digest chose the epoch: they are seen, and said to be."""
        return bool(digest == self.info["data"].get("valid", {}).get("digest"))

    def findings(self, examples: Examples, facts: Facts, digest: str) -> tuple[list[Finding], np.ndarray]:
        """What is amiss with rows to be scored, of which `encode` counts these facts, and which of them training has seen:
        int64, in order; of the validation rows none.
        """
        seen = None if self.validated_on(digest) else self._seen
        return check_scoring(self.task, examples, facts, self.info, seen)

    def _beside_baselines(
        self, examples: Examples, score: Scorer, attempts: Attempts, resamples: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What each baseline scores, and how the run differs from it."""
        baselines, tests = {}, {}
        for file in files_like(self.path, self.info, "baselines/*.npz"):
            name = migrated_name(Path(file).stem)
            with attempts(f"baseline {name}"):
                path = self._file(file)
                answers = self.task.baseline_outputs(self.task.baselines()[name].load(path), examples)
                rival = self.task.scorer(examples, answers)
                baselines[name] = bootstrap(rival, len(examples), resamples=resamples)
                tests[name] = paired_bootstrap(score, rival, len(examples), resamples=resamples)
        return baselines, tests

    @functools.cached_property
    def _seen(self) -> Seen | None:
        if SEEN not in self.info.get("files", {}):
            return None
        path = self._file(SEEN)
        try:
            return Seen.load(path)
        except Exception as error:  # whatever NumPy makes of what it didn't write
            raise InputError(f"{path} can't be read ({reason_of(error)}): {RESTORE}") from None

    def _on_the_rest(self, score: Scorer, rows: int, leaked: np.ndarray, resamples: int) -> dict[str, Any]:
        """The scores on the rows that are not in the training data, where some are and some aren't."""
        rest = np.setdiff1d(np.arange(rows), leaked)
        if len(rest) in (0, rows):
            return {}
        metrics = bootstrap(part_of(score, rest), len(rest), resamples=resamples)
        return {"rest": {"rows": len(rest), "metrics": metrics}}

    def _file(self, name: str) -> Path:
        return file_of(self.path, self.info, name)

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 200,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        stop: str | None = None,
        seed: int = 0,
    ) -> Iterator[str]:
        """Text that a language model draws, piece by piece as it is drawn.

        Args:
            prompt: What the text goes on from; it is not repeated.
            length: Symbols to draw at most.
            temperature: What logits are divided by; 0 for the most likely symbol each time.
            top_k: Draw from so many of the most likely symbols; 0 for all.
            top_p: Draw from the fewest symbols that have this share of the probability (Holtzman et al. 2020).
            repetition_penalty: Above 1 what was drawn before is less likely (Keskar et al. 2019:
                `seqkit.decoding.stepwise.penalised`).
            stop: Text before which to stop.
            seed: Of the draws.
        Raises:
            InputError: This is no language model, a setting is out of its range, or the prompt holds what the training text
                doesn't.
        """
        draw = self._drawing("generate")
        how = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p}
        pieces: Iterator[str] = draw(
            self.model, prompt, **how, repetition_penalty=repetition_penalty, stop=stop, seed=seed
        )
        return pieces

    def samples(self, prompts: Sequence[str], count: int = 1, *, seed: int = 0, **how: Any) -> Iterator[list[str]]:
        """For each prompt so many texts that follow it, drawn side by side.

        Args:
            prompts: What the texts go on from; it is not repeated.
            count: Texts a prompt.
            seed: Of the first draw of each prompt; text number k is the one that `generate` draws with seed + k.
            how: As in `generate`.
        Raises:
            InputError: As in `generate`.
        """
        known = {"length": 200, "temperature": 0.8}
        texts: Iterator[list[str]] = self._drawing("samples")(
            self.model, prompts, count=count, seed=seed, **(known | how)
        )
        return texts

    def _drawing(self, way: str) -> Callable[..., Any]:
        """What draws a text, of a task that has it."""
        draw: Callable[..., Any] | None = getattr(self.task, way, None)
        if draw is None:
            raise InputError(
                f"{self.path} was made by {self.task.recipe}, which generates nothing: give a language_model."
            )
        return draw

    def export(
        self, format: str, *, step: bool = False, quantize: Quantize = "none", to: str | Path | None = None
    ) -> Path:
        """Write an artefact: a folder, and a zip of it beside it, with all that an answer needs, proven on real rows in a
        process that has no seqkit.

        Args:
            format: The name of an exporter: keras, savedmodel, litert, onnx, c, or one that a package declares
                (seqkit.exporters).
            step: The streaming step alone.
            quantize: What becomes of the weights: "float16", "dynamic" (int8, products in integers), "int8".
            to: Where it goes; nothing for the run's own folder, under export/.
        Returns:
            The folder.
        Raises:
            InputError: There is no such exporter, it can't hold this run, or something else lies in that place.
            ExportError: The artefact answers otherwise than the run.
        """
        exporter = exporters.find(format)
        one_of("quantize", quantize, Quantize)
        task = task_of_format(self.task, self.model, format, self.path)
        subject = subject_of(self.path, self.info, task, self.forward, step=step, quantize=quantize)
        folder = inside(self.path, "export") / artefact_name(format, step=step, quantize=quantize)
        with FolderLock(self.path):
            card = functools.partial(model_card, self.info, self.report, search_fields(task).get("search"))
            return write_artefact(subject, format, exporter, folder if to is None else Path(to), card)


def load(path: str | Path, *, on_error: OnError | None = None) -> Run:
    """Open a run folder of any recipe. Nothing in it is executed, and no link out of it is followed.

    Args:
        on_error: What to do about a file of images or frames that can't be read: "stop", or "skip" to name it and answer
            the others; as in training where it isn't given.
    Raises:
        InputError: No run folder, a damaged one, or one of a recipe that is not known here or reads no such files.
    Example:
        >>> run = seqkit.load("run_0")
        >>> run.predict(["a bad film", "a good film"])[1]["label"]
        'good'
    """
    path = Path(path)
    info = read_info(path)
    task: Any = load_task(path, info)
    if on_error is not None:
        one_of("on_error", on_error, OnError)
        if not hasattr(task, "on_error"):
            raise InputError(
                f"on_error is {on_error!r}, but {task.recipe} reads no images or frames by name: leave it out."
            )
        task = dataclasses.replace(task, on_error=on_error)
    file = file_of(path, info, MODEL)
    model = load_model(file)
    check_fits(file, model, task)
    return Run(path, recorded_search(task, model, info, path), model, info)
