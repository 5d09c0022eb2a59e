"""Recordings: the same frames from every kind, as a stream, and one sentence for everything that can be wrong."""

import gc
import io
import sys
import tracemalloc
import weakref

import av
import numpy as np
import pytest
from PIL import Image

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.windows import Windows
from seqkit.core.errors import InputError
from seqkit.sources.decoders import CHUNK
from seqkit.sources.recordings import Recording, read_recordings, recordings
from seqkit.sources.videos import joined_videos, turned_copies, video_of

COLUMNS = {"frames": "frames", "labels": "labels"}
FRAMES = {"frames": "frames"}
LABELS = ("left",) * 3 + ("right",) * 4


def video(frames=7, size=(16, 24)):
    """uint8, (frames, height, width, 3): grey levels that survive a palette and, nearly, a lossy codec."""
    levels = np.linspace(0, 255, frames).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (frames, *size, 3)).copy()


def write_gif(path, frames):
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(path, save_all=True, append_images=images[1:])


def write_mp4(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def write_images(path, frames):
    path.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(path / f"frame_{number}.png")


def write_npz(path, frames, labels=LABELS):
    np.savez_compressed(path, frames=frames, labels=np.array(labels))


WRITERS = {"clip.gif": write_gif, "clip.mp4": write_mp4, "clip": write_images}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("clip.labels.txt", "\n".join(LABELS)),
        ("clip.labels.tsv", "label\tstart\tend\nright\t3\t7\nleft\t0\t3\n"),
        ("clip.labels.csv", "start,end,label\n0,3,left\n3,7,right\n"),
    ],
)
def test_every_kind_gives_the_same_recording(tmp_path, name, file, text):
    WRITERS[name](tmp_path / name, video())
    (tmp_path / file).write_text(text)
    for source in (tmp_path, tmp_path / name, f"{tmp_path}/cli*"):
        examples = read_recordings(source, COLUMNS)
        assert (examples["recording"], examples["labels"]) == (["clip"], [LABELS])
        assert examples["frames"][0].values.dtype == np.uint8
        np.testing.assert_allclose(examples["frames"][0][:].astype(int), video(), atol=6 if "mp4" in name else 0)


def test_frames_of_a_table_without_a_row_are_background(tmp_path):
    write_gif(tmp_path / "clip.gif", video())
    (tmp_path / "clip.labels.tsv").write_text("start\tend\tlabel\n2\t4\tjump\n")
    assert read_recordings(tmp_path, COLUMNS)["labels"] == [("background",) * 2 + ("jump",) * 2 + ("background",) * 3]


def test_arrays_come_from_a_folder_in_the_order_of_its_names(tmp_path, rng):
    written = {}
    for number in (10, 9, 2):
        written[number] = rng.normal(size=(number, 5))
        write_npz(tmp_path / f"s{number}.npz", written[number], ["a"] * number)
    (tmp_path / "README.md").write_text("not a recording")
    examples = read_recordings(str(tmp_path), COLUMNS)
    assert examples["recording"] == ["s2", "s9", "s10"]
    assert [len(labels) for labels in examples["labels"]] == [2, 9, 10]
    for number, frames in zip((2, 9, 10), examples["frames"], strict=True):
        np.testing.assert_array_equal(frames, written[number].astype(np.float32))
    assert read_recordings(f"{tmp_path}/s[1-8]*.npz", FRAMES)["recording"] == ["s2", "s10"]


def test_python_sources_give_the_same_recordings(tmp_path):
    import tensorflow as tf

    frames, labels = [video(), video(3)], [LABELS, ("a", "b", "c")]
    ragged = tf.data.Dataset.from_generator(
        lambda: zip(frames, map(list, labels), strict=True),
        output_signature=(tf.TensorSpec((None, 16, 24, 3), tf.uint8), tf.TensorSpec((None,), tf.string)),
    )
    held = list(recordings((frames, labels), COLUMNS))
    for source in ((frames, labels), {"frames": frames, "labels": labels}, ragged, (held, labels)):
        examples = read_recordings(source, COLUMNS)
        assert examples["labels"] == labels
        for got, expected in zip(examples["frames"], frames, strict=True):
            np.testing.assert_array_equal(got, expected)
    write_npz(tmp_path / "a.npz", frames[0])
    assert [len(part) for part in read_recordings([frames[1], tmp_path / "a.npz"], FRAMES)["frames"]] == [3, 7]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A data set like ucf101, made here: a label a clip."""
    import tensorflow_datasets as tfds

    class TinyClips(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            video = tfds.features.Video(shape=(None, 16, 24, 3))
            features = {"video": video, "label": tfds.features.ClassLabel(names=["run", "jump"])}
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, manager):
            return {"train": ((n, {"video": video(3 + n), "label": n % 2}) for n in range(3))}

        def _generate_examples(self):
            raise NotImplementedError

    folder = tmp_path_factory.mktemp("tfds")
    TinyClips(data_dir=str(folder)).download_and_prepare()
    return str(folder)


def test_tfds_repeats_a_clip_s_label_over_its_frames(prepared):
    columns = {"frames": "video", "labels": "label"}
    examples = read_recordings("tfds:tiny_clips", columns, data_dir=prepared)
    got = dict(zip(examples["labels"], examples["frames"], strict=True))
    assert set(got) == {("run",) * 3, ("jump",) * 4, ("run",) * 5}
    for labels, frames in got.items():
        np.testing.assert_array_equal(frames, video(len(labels)))


def test_images_are_brought_to_one_size(rng):
    # an image of two flat halves stays one, whatever its size and type
    for dtype, channels in ((np.uint8, 3), (np.float32, 2)):
        frames = np.zeros((2, 20, 40, channels), dtype)
        frames[:, :, 20:] = 200
        (resized,) = Recording("video", lambda frames=frames: [frames], frame_size=(10, 8)).chunks()
        assert (resized.shape, resized.dtype) == ((2, 10, 8, channels), dtype)
        assert (resized[:, :, :3] == 0).all()
        assert (resized[:, :, 5:] == 200).all()


def test_films_lie_on_disk_and_are_joined_without_a_copy(tmp_path, rng):
    written = [rng.normal(size=(length, 4)).astype(np.float32) for length in (70, 3, 200)]
    videos = read_recordings([*written], FRAMES)["frames"]
    assert all(isinstance(video.values, np.memmap) for video in videos)
    in_order, shuffled = joined_videos(videos), joined_videos([videos[2], videos[0]])
    assert np.shares_memory(in_order.values, videos[0].values)
    np.testing.assert_array_equal(in_order.values, np.concatenate(written))
    np.testing.assert_array_equal(shuffled.values, np.concatenate([written[2], written[0]]))
    np.testing.assert_array_equal(in_order.lengths, [70, 3, 200])
    assert isinstance(shuffled.values, np.memmap)
    recorded = list(recordings([*written], FRAMES))
    assert [video.digest() for video in videos] == [recording.digest() for recording in recorded]
    assert len({video.digest() for video in videos}) == 3
    for rows in (
        Pipeline({"frames": in_order}, {"frames": (200,)}, 3),
        Windows({"frames": in_order}, "frames", 3, 200),
    ):
        batch = next(iter(rows.batches().as_numpy_iterator()))["frames"]
        found = {row[: len(part)].tobytes() for row in batch for part in written if not row[len(part) :].any()}
        assert {part.tobytes() for part in written} <= found


# Streams ------------------------------------------------------------------------------------------------------------


def counted(frames, alive):
    """A decoder that counts how many of its frames are alive at once."""

    def decode():
        for _ in range(frames):
            frame = np.zeros((1, 8, 8, 3), np.uint8)
            alive["now"] += 1
            alive["most"] = max(alive["most"], alive["now"])
            weakref.finalize(frame, lambda: alive.__setitem__("now", alive["now"] - 1))
            yield frame
            del frame

    return decode


def check_stream(chunks, alive):
    for chunk in chunks:
        assert len(chunk) <= CHUNK
        del chunk
    gc.collect()
    assert alive["most"] <= 2 * CHUNK


def test_only_a_chunk_of_frames_is_alive():
    alive = {"now": 0, "most": 0}
    check_stream(Recording("long", counted(1000, alive)).chunks(), alive)


def test_stream_check_catches_a_reader_that_keeps_frames():
    alive = {"now": 0, "most": 0}
    with pytest.raises(AssertionError):
        check_stream(list(counted(1000, alive)()), alive)


def peak_of(source):
    """Bytes that Python and NumPy hold at most while a recording streams by."""
    (recording,) = recordings(source, FRAMES)
    tracemalloc.start()
    for chunk in recording.chunks():
        del chunk
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("name", ["long.npz", "long.gif", "long.mp4"])
def test_memory_does_not_grow_with_the_length(tmp_path, name):
    peaks = []
    for frames in (200, 1600):
        path = tmp_path / str(frames) / name
        path.parent.mkdir()
        writer = {
            "npz": lambda path, video: np.savez_compressed(path, frames=video),
            "gif": write_gif,
            "mp4": write_mp4,
        }
        writer[path.suffix[1:]](path, video(frames, (32, 32)))
        peaks.append(peak_of(path))
    assert peaks[1] < 1.2 * peaks[0] < 1600 * 32 * 32 * 3 / 2


# Bad input ----------------------------------------------------------------------------------------------------------


def broken_npz(path):
    """One number is another than was written: only the checksum tells."""
    np.savez(path, frames=np.ones((3000, 5)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def with_nan(path):
    frames = np.zeros((100, 5), np.float32)
    frames[70, 3] = np.nan
    write_npz(path, frames, ["a"] * 100)


def cut_short(writer):
    def write(path):
        writer(path, np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8))
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])

    return write


def images(change):
    def write(path):
        write_images(path, video(12))
        change(path / "frame_10.png")

    return write


def png(size):
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "png")
    return buffer.getvalue()


BAD = [
    ("bad.npz", broken_npz, r"bad\.npz, frame \d+: it can't be decoded .*--on-error skip"),
    ("bad.npz", with_nan, r"bad\.npz, frame 70, feature 3: the value is nan"),
    ("bad.npz", lambda path: path.write_text("no zip"), r"bad\.npz, frame 0: it can't be decoded"),
    ("bad.npz", lambda path: np.savez(path, pixels=video()), r"bad\.npz has no array 'frames': it has 'pixels'.*--frames"),
    ("bad.npz", lambda path: np.savez(path, frames=np.array([[{}]])), r"bad\.npz: the array 'frames' is object"),
    ("bad.npz", lambda path: np.savez(path, frames=np.zeros((3, 4, 5))), r"bad\.npz: the frames are .*Expected numbers"),
    ("bad.npz", lambda path: np.savez(path, frames=np.zeros((0, 4))), r"bad\.npz has no frames"),
    ("bad.npz", lambda path: np.savez(path, frames=np.full((3, 4), 1e300)), r"frame 0, feature 0: the value is inf"),
    ("bad.gif", cut_short(write_gif), r"bad\.gif, frame \d+: it can't be decoded"),
    ("bad.mp4", cut_short(write_mp4), r"bad\.mp4, frame \d+: it can't be decoded"),
    ("bad", images(lambda path: path.write_bytes(png((24, 16))[:-30])), r"frame_10\.png \(frame 10 of .*bad\)"),
    ("bad", images(lambda path: path.write_bytes(png((16, 16)))), r"bad, frame 10: .* 16 x 16 x 3 values.* 16 x 24 x 3"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write", "complaint"), BAD)
def test_a_broken_recording_is_named_and_the_rest_stops_or_goes_on(tmp_path, capsys, name, write, complaint):
    write(tmp_path / name)
    good = np.zeros((3, 5)) if name.endswith("npz") and "frames are" not in complaint else video()
    for other in ("a.npz", "z.npz"):
        np.savez(tmp_path / other, frames=good)
    with pytest.raises(InputError, match=complaint):
        read_recordings(tmp_path, FRAMES)
    examples = read_recordings(tmp_path, FRAMES, on_error="skip")
    assert examples["recording"] == ["a", "z"]
    for frames in examples["frames"]:
        np.testing.assert_array_equal(frames, good)
    assert "Left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ({}, r"clip\.gif has no labels beside it: expected clip\.labels\.txt"),
        ({"txt": "a\nb\n"}, r"clip\.labels\.txt: there are 7 frames and 2 labels"),
        ({"txt": "a\nb\n\n" + "a\n" * 4}, r"clip\.labels\.txt, frame 2: the label is empty"),
        ({"tsv": "start\tend\tlabel\n0\t3\ta\n2\t5\tb\n"}, r"clip\.labels\.tsv, row 2: frames 2 to 5 have a label already"),
        ({"tsv": "start\tend\tlabel\n0\t8\ta\n"}, r"clip\.labels\.tsv, row 1: .*<= 7, the number of frames"),
        ({"csv": "start,end,label\n1.5,3,a\n"}, r"clip\.labels\.csv, row 1: start is '1\.5'"),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_are_named(tmp_path, labels, complaint):
    write_gif(tmp_path / "clip.gif", video())
    for suffix, text in labels.items():
        (tmp_path / f"clip.labels.{suffix}").write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_recordings(tmp_path / "clip.gif", COLUMNS)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("nowhere/*.npz", r"nowhere/\*\.npz does not exist and no file's name fits it"),
        (([video()], [("a",) * 6]), "recording 0 .*: there are 7 frames and 6 labels"),
        (([video()], []), "1 recordings and labels for 0"),
        ({"frames": [video()]}, "has no 'labels'"),
        (([np.zeros((3, 4)), np.zeros((3, 5))], [["a"] * 3] * 2), r"recording 1 .* frames of 5 values .*recording 0"),
        (([3.0], [["a"]]), "recording 0 .* is a float"),
        (([[[1.0], [1.0, 2.0]]], [["a"] * 2]), "recording 0 .* has frames of different sizes"),
        (([], []), "no recording that can be read"),
        (7, "The train data is a int: give a path"),
    ],
)
def test_a_wrong_source_gets_one_sentence(source, complaint):
    with pytest.raises(InputError, match=complaint):
        read_recordings(source, COLUMNS)


def test_a_folder_or_file_of_another_kind_is_named(tmp_path):
    with pytest.raises(InputError, match=r"has no recordings: expected \.npz, \.gif, \.mp4 files"):
        read_recordings(tmp_path, FRAMES)
    (tmp_path / "clip.avi").touch()
    with pytest.raises(InputError, match=r"clip\.avi is no recording that seqkit reads"):
        read_recordings(tmp_path / "clip.avi", FRAMES)


def test_without_the_decoder_the_error_says_what_to_install(tmp_path, monkeypatch):
    write_mp4(tmp_path / "clip.mp4", video())
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"PyAV.* is not installed: pip install 'seqkit\[video\]'"):
        read_recordings(tmp_path, FRAMES)


def test_turned_copies_keep_every_distance_but_for_their_size(rng):
    video = video_of(rng.normal(size=(6, 12)))
    copies = turned_copies([video], copies=3, seed=1)
    points = video[:].reshape(6, 4, 3)
    for copy in copies:
        other = copy[:].reshape(6, 4, 3)
        # all distances between points, and the way of the first one over time, grow by one factor; the vertical stays so
        ratios = [
            np.linalg.norm(other[:, i] - other[:, j], axis=1) / np.linalg.norm(points[:, i] - points[:, j], axis=1)
            for i, j in [(0, 1), (1, 3)]
        ]
        ratios.append(np.linalg.norm(np.diff(other[:, 0], axis=0)) / np.linalg.norm(np.diff(points[:, 0], axis=0)))
        ratios.append((other[1:, 2, 1] - other[0, 2, 1]) / (points[1:, 2, 1] - points[0, 2, 1]))
        factor = np.concatenate([np.ravel(ratio) for ratio in ratios])
        np.testing.assert_allclose(factor, factor[0], rtol=1e-3)
        assert 0.9 <= factor[0] <= 1.1
        along = (other[:, 1] - other[:, 0])[:, [0, 2]], (points[:, 1] - points[:, 0])[:, [0, 2]]
        angles = np.arctan2(along[0][:, 1], along[0][:, 0]) - np.arctan2(along[1][:, 1], along[1][:, 0])
        angles = (angles + np.pi) % (2 * np.pi) - np.pi
        np.testing.assert_allclose(angles, angles[0], atol=1e-3)
        assert 0 < abs(angles[0]) <= np.pi / 6 + 1e-3
    assert len({copy[:].tobytes() for copy in copies}) == 3
    np.testing.assert_array_equal(turned_copies([video], copies=3, seed=1)[2][:], copies[2][:])
