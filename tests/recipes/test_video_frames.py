"""Video frames on files: training on a folder, answers to files and arrays, and what may be wrong with them."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import Stack, Training
from seqkit.lab.rereading import check_rows_again
from seqkit.recipes.video_frames import video_frames
from seqkit.runs.parts import without_report
from seqkit.tasks.video_frames import VideoFrames

QUICK = {"stack": Stack(cell="gru", units=(6,)), "training": Training(epochs=2, batch_size=4, learning_rate=0.01)}


def walk(rng, length):
    """A point that goes up or down, with the direction as its label; where it is tells nothing."""
    steps = np.repeat(rng.choice([-1.0, 1.0], -(-length // 5)), 5)[:length]
    place = np.cumsum(steps) + rng.normal(0, 30)
    return np.stack([place, rng.normal(size=length)], axis=1).astype("float32"), np.where(steps > 0, "up", "down")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path, rng = tmp_path_factory.mktemp("walks"), np.random.default_rng(0)
    for number in range(12):
        frames, labels = walk(rng, 20 + 17 * number)
        np.savez(path / f"s{number}.npz", frames=frames, labels=labels)
    return path


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    return video_frames(
        f"{folder}/s[0-7].npz",
        valid=f"{folder}/s[89].npz",
        test=f"{folder}/s1?.npz",
        out=tmp_path_factory.mktemp("runs") / "walks",
        window=16,
        **QUICK | {"training": Training(epochs=12, batch_size=4, learning_rate=0.02)},
    )


def test_the_direction_is_read_where_a_frame_does_not_tell_it(trained):
    report = trained.report
    assert report["metrics"]["frame_accuracy"]["value"] > 0.95
    assert report["baselines"]["single_frame"]["frame_accuracy"]["value"] < 0.7
    assert list(report["metrics"]) == ["frame_accuracy", "macro_f1", "edit_score", "f1_at_10", "f1_at_25", "f1_at_50"]
    assert report["data"]["frames"] == 190 + 207
    assert [video["recording"] for video in report["timelines"]] == ["s10", "s11"]
    assert "Over time" in (trained.path / "evaluations" / "training" / "report.html").read_text()


def test_files_are_answered_as_their_arrays_are(trained, folder, capsys):
    assert main(["predict", str(trained.path), f"{folder}/s1*.npz"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ["s1", "s10", "s11"]
    assert [answer["recording"] for answer in answers] == [str(folder / f"{name}.npz") for name in names]
    for name, answer in zip(names, answers, strict=True):
        with np.load(folder / f"{name}.npz") as kept:
            (alone,) = trained.predict([kept["frames"]])
        assert {"recording": answer["recording"], **alone} == answer
        labels = [run["label"] for run in answer["segments"] for _ in range(run["start"], run["end"])]
        assert labels == answer["labels"]
        assert len(answer["confidence"]) == len(labels)


def test_the_model_learns_alike_in_windows_and_both_ways(folder, tmp_path):
    stack = Stack(cell="gru", units=(6,), bidirectional=True)
    run = video_frames(folder, out=tmp_path / "run", window=16, **QUICK | {"stack": stack})
    assert run.report["data"]["source"].startswith(f"a tenth of {folder}")
    (answer,) = run.predict([np.zeros((150, 2), np.float32)])
    assert len(answer["labels"]) == 150
    with pytest.raises(InputError, match="no streaming step"):
        run.export("litert", step=True)
    assert load(run.path).predict([np.zeros((150, 2))]) == [answer]


def test_a_broken_recording_stops_or_is_left_out(folder, tmp_path, capsys):
    broken = tmp_path / "data"
    broken.mkdir()
    for number in range(8):
        (broken / f"s{number}.npz").symlink_to(folder / f"s{number}.npz")
    np.savez(
        broken / "s8.npz", frames=np.zeros((0, 2)), labels=[]
    )  # is no reason to stop, and has nothing to learn from
    (broken / "s9.npz").write_text("no recording")
    with pytest.raises(InputError, match=r"s9\.npz, frame 0: it can't be decoded"):
        video_frames(broken, out=tmp_path / "run", **QUICK)
    with without_report():
        run = video_frames(broken, out=tmp_path / "run", on_error="skip", turned_copies=0, **QUICK)
    assert run.info["data"]["train"]["rows"] + run.info["data"]["valid"]["rows"] == 8
    capsys.readouterr()
    assert main(["predict", str(run.path), str(broken)]) == 0
    captured = capsys.readouterr()
    answers = [json.loads(line) for line in captured.out.splitlines()]
    assert [len(answer.get("labels", "?")) for answer in answers] == [20 + 17 * k for k in range(8)] + [0, 1]
    assert answers[8] == {"recording": f"{broken}/s8.npz", "segments": [], "labels": [], "confidence": []}
    assert answers[9]["left_out"].startswith(f"{broken}/s9.npz, frame 0: it can't be decoded")
    assert "s9.npz, frame 0" in " ".join(captured.err.split())
    assert main(["predict", str(run.path), str(broken), "--on-error=stop"]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 9


def test_an_array_without_a_frame_is_answered_in_its_place(trained, rng):
    frames = walk(rng, 30)[0]
    (alone,) = trained.predict([frames])
    empty = {"segments": [], "labels": [], "confidence": []}
    assert trained.predict([np.zeros((0, 2)), frames, np.zeros(0)]) == [empty, alone, empty]


def test_what_predict_leaves_out_of_a_folder_is_told(trained, folder, tmp_path, capsys):
    (tmp_path / "a.npz").symlink_to(folder / "s1.npz")
    (tmp_path / "clip.mov").touch()
    assert main(["predict", str(trained.path), str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert "were left out" in captured.err
    assert f"{tmp_path}/clip.mov" in "".join(captured.err.split("\n"))


def test_what_is_noticed_while_frames_are_decoded_is_told_in_its_place(tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "0.png")
    (tmp_path / "b" / "notes.doc").touch()
    heard = []
    monkeypatch.setattr("seqkit.tasks.video_frames.notify", heard.append)
    task = VideoFrames({"frames": "frames"}, ("x",), (8, 8, 3), None, 0, False, True, None, "stop")
    forward = SimpleNamespace(made=lambda _: lambda chunks: np.zeros((sum(map(len, chunks)), 1)))
    for asked in task.inputs_of(str(tmp_path), {"frames": "frames"}):
        examples = task.read((asked,), {"frames": "frames"}, role="asked")
        (answer,) = task.answers(examples, task.outputs(forward, task.encode(examples, 4)[0]))
        heard.append(Path(answer["recording"]).name)
    a, told, *others = heard
    assert (a, *others) == ("a", "b", "c")
    assert "notes.doc" in told


def test_turned_copies_are_trained_on_beside_the_originals(tmp_path, rng):
    data = [rng.normal(size=(12, 6)) for _ in range(6)], [["a", "b"] * 6 for _ in range(6)]
    options = {"valid": data, "encoder": Encoder(points=3), **QUICK}
    with without_report():
        run = video_frames(data, out=tmp_path / "run", turned_copies=2, **options)
    assert run.info["data"]["train"]["rows"] == 18
    assert "2 turned copies of each" in run.info["data"]["train"]["source"]
    check_rows_again(video_frames, run.task, run.path, run.info, {"data": data, "valid": data})  # as a study goes on


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"turned_copies": 1}, "only points in space can be turned"),
        ({"background": "nothing"}, "background is 'nothing': the labels are down, up"),
        ({"encoder": Encoder(points=3)}, "encoder.points is 3"),
        ({"encoder": Encoder(units=32)}, "encoder.units is 32, but the frames are vectors"),
        ({"frame_size": (8, 8)}, r"frame_size is \(8, 8\), but the frames are vectors"),
        ({"window": -1}, "window is -1"),
        ({"frames": "pixels"}, r"s0\.npz has no array 'pixels': it has 'frames', 'labels'"),
    ],
)
def test_wrong_settings_get_one_sentence(folder, tmp_path, options, complaint):
    with pytest.raises(InputError, match=complaint):
        video_frames(folder, out=tmp_path / "run", **QUICK | options)


def test_frames_that_the_model_does_not_read_are_named(trained, tmp_path):
    with pytest.raises(InputError, match=r"recording 0 has frames of shape \(3,\), the model reads \(2,\)"):
        trained.predict([np.zeros((5, 3))])
    Image.new("RGB", (8, 8)).save(tmp_path / "video.gif")
    with pytest.raises(InputError, match=r"video\.gif has frames of shape \(8, 8, 3\)"):
        trained.predict([tmp_path / "video.gif"])
