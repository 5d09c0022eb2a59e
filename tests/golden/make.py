"""Golden artefacts: one a recipe and format of this release, tiny, which every later one has to open and verify.

    python -m tests.golden.make [RECIPE ...]

Made anew only where the layout's version changes; those of the old layout stay beside them as long as it is read.
"""

import json
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from seqkit.core.files import digest_of, write_json
from seqkit.core.settings import Embedding, Encoder, Stack, Training
from seqkit.core.version import __version__
from tests.cases import CASES

HERE = Path(__file__).parent
FORMATS = ("onnx", "litert", "keras", "savedmodel")
WITHOUT_TEXT = (
    "video_frames",
    "captioning",
)  # a SavedModel that reads text has Unicode's tables in its graph: a megabyte
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
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{target.stem}/{path.relative_to(folder).as_posix()}")


def main(names: list[str]) -> None:
    for case in (case for case in CASES if not names or case.name in names):
        with tempfile.TemporaryDirectory() as name:
            run = case.train(Path(name, "run"), **TINY[case.name])
            for format in FORMATS if case.name in WITHOUT_TEXT else FORMATS[:-1]:
                target = HERE / f"{__version__}-{case.name}-{format}.zip"
                packed(run.export(format), target)
                print(target.name, target.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
