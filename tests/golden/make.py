"""Golden artefacts: one a recipe and format of this release, tiny, which every later one has to open and verify.

    python -m tests.golden.make                      # all, of this release
    python -m tests.golden.make heads tagging-savedmodel   # these alone

Made anew only where the layout's version changes, and for what is new; those of the old layout stay beside them as long as
it is read. A SavedModel that reads text has Unicode's tables in its graph, megabytes, of which a tenth of a megabyte is left
in the zip: three stand for all, which read and write text by the same functions.
"""

import functools
import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqkit.core.encoder import Encoder
from seqkit.core.files import digest_of, write_json
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.core.version import __version__
from seqkit.recipes.video_frames import video_frames
from seqkit.runs.run import Run
from tests.cases import CASES, Case

Make = Callable[[Path], Run]
HERE = Path(__file__).parent
FORMATS = ("onnx", "litert", "keras")
SCANNED = ("onnx", "litert")  # that hold cells of seqkit's own over whole sequences
SAVEDMODELS = ("video_frames", "captioning", "programs", "tagging", "wide")
VECTORS = 4
ONCE = {"training": Training(epochs=1, batch_size=32), "embedding": Embedding(units=4)}
WRITES = ONCE | {"decoder": Stack(cell="gru", units=(4,))}
READS = WRITES | {"encoder": Stack(cell="gru", units=(4,), bidirectional=True)}
IMAGES = {"encoder": Encoder(filters=(2, 2), units=4)}
TINY = {
    "sentiment": ONCE | {"stack": Stack(units=(4,), bidirectional=True)},
    "tagging": ONCE | {"stack": Stack(units=(4,)), "character_units": 4},
    "intents_and_slots": ONCE | {"stack": Stack(units=(4,))},
    "video_frames": {"training": ONCE["training"], "stack": Stack(units=(4,))} | IMAGES,
    "language_model": ONCE | {"stack": Stack(cell="gru", units=(4,))},
    "translation": READS,
    "programs": READS,
    "question_answering": ONCE | IMAGES | {"stack": Stack(units=(4,))},
    "written_answers": WRITES | IMAGES | {"stack": Stack(units=(4,))},
    "captioning": WRITES | IMAGES,
}


def with_times(out: Path) -> Run:
    """Vectors whose last number is the time since the one before."""
    rng = np.random.default_rng(0)
    frames = [np.abs(rng.normal(size=(length, 3))) for length in (5, 9, 7, 3, 6, 8)]
    data = frames, [np.where(own[:, 0] > 0.7, "up", "down") for own in frames]
    settings = {"encoder": Encoder(times=True), "stack": Stack(cell="cfc", units=(4,)), "training": ONCE["training"]}
    return video_frames(data, valid=data, out=out, turned_copies=0, **settings)


def made_of(case: Case) -> tuple[Make, tuple[str, ...]]:
    formats = (*FORMATS, "savedmodel") if case.name in SAVEDMODELS else FORMATS
    return functools.partial(case.train, **TINY[case.name]), formats


ALL: dict[str, tuple[Make, tuple[str, ...]]] = {case.name: made_of(case) for case in CASES}
TRAIN = {case.name: case.train for case in CASES}
ALL |= {  # what came later
    "wide": (functools.partial(TRAIN["sentiment"], **TINY["sentiment"]), (*FORMATS, "savedmodel")),
    "heads": (
        functools.partial(TRAIN["tagging"], **TINY["tagging"] | {"stack": Stack(cell="gru", units=(4,), heads=2)}),
        SCANNED,
    ),
    "cfc": (with_times, SCANNED),
}


def packed(folder: Path, target: Path) -> None:
    """A zip of an artefact with its first vectors, and without the runners, which are to be later ones."""
    for name in ("seqkit_runner", "javascript"):
        shutil.rmtree(folder / name, ignore_errors=True)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    vectors = folder / "test_vectors.json"
    first, *others = json.loads(vectors.read_text(encoding="utf-8"))[:VECTORS]
    kept = [first, *(one | {"graph_outputs": {}} for one in others)]
    vectors.write_text(json.dumps(kept), encoding="utf-8")
    manifest["files"] = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": digest_of(folder / name)}
        for name in manifest["files"]
        if (folder / name).exists()
    }
    write_json(folder / "manifest.json", manifest)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{target.stem}/{path.relative_to(folder).as_posix()}")


def main(asked: list[str]) -> None:
    for name, (make, formats) in ALL.items():
        wanted = [one for one in formats if not asked or name in asked or f"{name}-{one}" in asked]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            run = make(Path(folder, "run"))
            for format in wanted:
                target = HERE / f"{__version__}-{name}-{format}.zip"
                packed(run.export(format), target)
                print(target.name, target.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
