"""An ensemble: runs that differ in their seed, or in their model, as one run with one model."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.inference.generation import symbols_a_place
from seqkit.layers.crf import CRF
from seqkit.runs.checking import SEEN
from seqkit.runs.contents import add_files, file_of, files_like
from seqkit.runs.evaluation import TRAINING, write_evaluation
from seqkit.runs.folder import new_folder
from seqkit.runs.parts import BASELINES, write_run
from seqkit.runs.provenance import command, versions
from seqkit.runs.run import Run, load
from seqkit.topologies.ensemble import averaged, averaged_writers

KEPT = ("samples*", f"{BASELINES}/*.npz", SEEN)  # of the first run, which all others would have alike
FROM_FIRST = ("recipe", "columns", "settings", "seed", "data")  # of run.json
WRITES, IN_PARTS = "decoder", "features"  # layers of models that write, and of those that read frames in parts


def ensemble(
    runs: Sequence[str | Path],
    *,
    out: str | Path,
    test: Any = None,
    columns: Mapping[str, str] | None = None,
    data_dir: str | None = None,
    overwrite: bool = False,
) -> Run:
    """Make one run of several, with the mean of their probabilities, which is exported like any other.

    Args:
        runs: Folders of runs that were trained on the same rows with the same vocabulary. What is held out depends on the
            seed: give validation rows (`valid`), so that each seed trains on the same.
        out: The folder of the ensemble.
        test: Rows for its report; nothing for none, until it is evaluated.
        columns: Field -> column of these, where they are called otherwise than in the training data.
        data_dir: Where TFDS keeps prepared data sets.
        overwrite: Replace `out` if it exists.
    Raises:
        InputError: There are fewer than two runs; they were trained on other rows, or know other symbols or classes; or they
            neither choose among classes by one model nor write.
    Example:
        >>> both = seqkit.ensemble(["run_0", "run_1"], out="both", test="others.tsv")
        >>> both.predict(["a good film"])[0]["label"]
        'good'
    """
    members = [load(path) for path in runs]
    _check_alike(members)
    first, place = members[0], Path(out)
    task = first.task
    examples = None
    if test is not None:
        examples = task.examined(task.read(test, first.columns(columns), role="test", data_dir=data_dir))
    models = [member.model for member in members]
    model = averaged_writers(models) if _has(models[0], WRITES) else averaged(models)
    known = (*FROM_FIRST, *(name for name in ("findings", "validation_facts", "bounds") if name in first.info))
    info: dict[str, Any] = {
        **{name: first.info[name] for name in known},
        "versions": versions(),
        "command": command(),
        "training_seconds": round(sum(member.info["training_seconds"] for member in members), 1),
        "members": [
            {"run": str(member.path), "seed": member.info["seed"], "settings": member.info["settings"]}
            for member in members
        ],
    }
    with new_folder(place, overwrite=overwrite) as folder:
        write_run(folder.path, task, model, [], info)
        for name in [name for pattern in KEPT for name in files_like(first.path, first.info, pattern)]:
            (folder.path / name).parent.mkdir(exist_ok=True)
            shutil.copy(file_of(first.path, first.info, name), folder.path / name)
            add_files(folder.path, info, [folder.path / name])
        folder.stand()
    run = load(place)
    if examples is None:
        notify(f"{place} has no report yet: evaluate it, or make it with test rows.")
        return run
    data = {"source": examples.origin, "rows": len(examples), "digest": examples.digest()}
    report, kept = run.scored(examples, data)
    write_evaluation(run.path, run.info, TRAINING, report, run.history, kept)
    return run


def _has(model: keras.Model, layer: str) -> bool:
    return any(own.name == layer for own in model.layers)


def _known(run: Run) -> dict[str, Any]:
    """What a run's task knows; how an answer is looked for may differ, and is the first one's then."""
    return {name: value for name, value in run.task.to_json().items() if name != "search"}


def _check_alike(members: Sequence[Run]) -> None:
    if len(members) < 2:
        raise InputError(f"An ensemble is made of two runs or more, not of {len(members)}: give more run folders.")
    first = members[0]
    for member in members:
        model = member.model
        chain = any(isinstance(layer, CRF) for layer in model.layers)
        if chain or _has(model, IN_PARTS) or not (first.task.classes or _has(model, WRITES)):
            raise InputError(
                f"{member.path} neither chooses among classes by one model, without a CRF, nor writes: an ensemble is for "
                "runs that do."
            )
        if (member.info["recipe"], _known(member)) != (first.info["recipe"], _known(first)):
            raise InputError(
                f"{member.path} has another recipe, vocabulary or classes than {first.path}: train all on the same "
                "rows with the same settings of the text, and give --valid, since what is held out depends on the seed."
            )
        if _has(model, WRITES) and symbols_a_place(model) != symbols_a_place(first.model):
            raise InputError(
                f"{member.path} looks at other places than {first.path} as it writes: give all of them attention, or none, "
                "and encoders that are pyramidal alike."
            )
        for split in ("train", "valid"):
            if member.info["data"][split]["digest"] != first.info["data"][split]["digest"]:
                raise InputError(
                    f"{member.path} was trained with other {split} rows than {first.path}: give --valid, since what is held "
                    "out depends on the seed."
                )
