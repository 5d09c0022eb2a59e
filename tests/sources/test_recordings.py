"""Recordings: the same frames from every kind, as a stream, and one sentence for everything that can be wrong."""

import gc
import io
import re
import struct
import sys
import tracemalloc
import weakref
import zipfile

import av
import numpy as np
import pytest
from PIL import Image

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.windows import Windows
from seqkit.core.errors import InputError
from seqkit.sources.decoders import CHUNK
from seqkit.sources.images import read_images
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
    for name in ("README.md", "s2.labels.txt", "s3.labels.txt", ".hidden"):
        (tmp_path / name).write_text("not a recording")
    examples = read_recordings(str(tmp_path), COLUMNS)
    assert examples["recording"] == ["s2", "s9", "s10"]
    (finding,) = examples.findings  # labels of a recording that there isn't are none
    assert (finding.kind, finding.count) == ("skipped_file", 2)
    assert finding.places == (f"{tmp_path}/README.md", f"{tmp_path}/s3.labels.txt")
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


def test_labels_that_are_given_beside_paths_are_those_that_count(tmp_path):
    write_npz(tmp_path / "a.npz", video())  # which holds others
    write_gif(tmp_path / "b.gif", video())  # which has none beside it
    paths, labels = [tmp_path / "a.npz", str(tmp_path / "b.gif")], [("walk",) * 7, ("run",) * 7]
    for source in ((paths, labels), {"frames": paths, "labels": [list(labels[0]), "run"]}):
        assert read_recordings(source, COLUMNS)["labels"] == labels
    assert read_recordings((paths[:1], [None]), COLUMNS)["labels"] == [LABELS]
    with pytest.raises(InputError, match=r"a\.npz: there are 7 frames and 2 labels"):
        read_recordings((paths[:1], [["walk"] * 2]), COLUMNS)
    with pytest.raises(InputError, match="has 2 recordings, and labels are given for one"):
        read_recordings(([tmp_path], [["walk"] * 7]), COLUMNS)


def test_labels_are_without_blanks_at_their_ends_wherever_they_stand(tmp_path):
    """As in tables; that two were one but for these is noted, and in which recordings."""
    write_npz(tmp_path / "a.npz", video(3), ["walk ", "walk", "run"])
    write_gif(tmp_path / "b.gif", video())
    (tmp_path / "b.labels.txt").write_text("walk\nwalk\n run\n" + "\u3000walk\t\n" * 4)
    write_gif(tmp_path / "c.gif", video())
    (tmp_path / "c.labels.csv").write_text("start,end,label\n0,7,walk\n")
    examples = read_recordings(tmp_path, COLUMNS)
    assert [" ".join(own) for own in examples["labels"]] == [
        "walk walk run",
        "walk walk run" + " walk" * 4,
        "walk" + " walk" * 6,
    ]
    found = {finding.what.partition(" are one ")[0]: finding.places for finding in examples.findings}
    assert {*found} == {"the labels ' run', 'run'", r"the labels '\u3000walk\t', 'walk ', 'walk'"}
    assert {finding.kind for finding in examples.findings} == {"blanks"}
    assert found["the labels ' run', 'run'"] == (f"{tmp_path}/b.gif",)
    given = read_recordings(([video(2)], [["up ", "up"]]), COLUMNS)
    assert (given["labels"], [finding.kind for finding in given.findings]) == ([("up",) * 2], ["blanks"])


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


# Kinds of frames ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i8", ">i2", "u1", "?", "<f2"])
def test_frames_of_every_type_and_order_are_the_same_numbers(tmp_path, dtype, order):
    """The numbers of the flat array, whatever its layout; CHUNK does not divide their count."""
    for name, shape in (("vectors", (CHUNK + 6, 5)), ("images", (CHUNK + 1, 4, 6, 3))):
        flat = (np.arange(np.prod(shape)) * 37 % 128).astype(dtype)
        np.savez(tmp_path / name, frames=np.asarray(flat.reshape(shape), order=order))
        (read,) = read_recordings(tmp_path / f"{name}.npz", FRAMES)["frames"]
        whole = name == "images" and np.dtype(dtype).kind in "iu"
        assert read.values.dtype == (np.uint8 if whole else np.float32)
        np.testing.assert_array_equal(read, flat.astype(np.float32).reshape(shape))


def jpeg_on_its_side(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.repeat(np.arange(0, 240, 10, np.uint8)[:, None, None], 16, 1).repeat(3, 2)).save(path, exif=exif)


def test_the_pictures_of_a_folder_are_shown_as_everywhere_and_nothing_is_left_out_in_silence(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    see_through = np.zeros((16, 24, 4), np.uint8)
    see_through[8:, :, 3] = 255  # black below; above it nothing is seen
    Image.fromarray(see_through).save(folder / "frame1.png")
    jpeg_on_its_side(folder / "frame10.jpg")
    Image.fromarray(np.full((16, 24), 65535, np.uint16)).save(folder / "frame9.tif")
    twice = [Image.new("RGB", (24, 16), colour) for colour in ("red", "blue")]
    twice[0].save(folder / "frame2.webp", save_all=True, append_images=twice[1:], lossless=True)
    (folder / "frame3.xcf").write_text("a frame that no reader knows")
    (folder / "more").mkdir()
    examples = read_recordings(tmp_path, FRAMES)
    one, two, nine, ten = examples["frames"][0][:].astype(int)
    assert (one[:8] == 255).all()
    assert (one[8:] == 0).all()
    assert (two == (255, 0, 0)).all()
    assert (nine == 255).all()
    np.testing.assert_allclose(ten[5, :, 0], np.arange(230, -10, -10), atol=3)  # its first row is on the right
    skipped, first = examples.findings
    assert (skipped.kind, skipped.places) == ("skipped_file", (f"{folder}/frame3.xcf", f"{folder}/more"))
    assert (first.kind, first.places) == ("first_frame", (f"{folder}/frame2.webp",))
    table = tmp_path / "table.csv"
    for name, frame in (("frame1.png", one), ("frame2.webp", two), ("frame9.tif", nine), ("frame10.jpg", ten)):
        table.write_text(f"image\nclip/{name}\n")
        np.testing.assert_array_equal(read_images(table, {"image": "image"})["image"][0], frame)


def test_a_folder_of_images_and_recordings_is_neither(tmp_path):
    write_gif(tmp_path / "clip.gif", video())
    write_images(tmp_path / "clip", video())
    assert read_recordings(tmp_path, FRAMES)["recording"] == ["clip", "clip"]
    Image.new("RGB", (4, 4)).save(tmp_path / "cover.png")
    with pytest.raises(InputError, match=r"has images \(cover\.png\) and recordings \(clip\): .*Put the images"):
        read_recordings(tmp_path, FRAMES)


@pytest.mark.parametrize("empty", [np.zeros((0, 5)), np.zeros(0), np.zeros((0, 4, 4, 3), np.uint8)])
def test_recordings_without_a_frame_are_left_out_and_told(tmp_path, empty):
    np.savez(tmp_path / "a.npz", frames=np.ones((3, 5)), labels=["x"] * 3)
    np.savez(tmp_path / "b.npz", frames=empty, labels=np.array([]))
    examples = read_recordings(tmp_path, COLUMNS)
    assert (examples["recording"], examples["labels"]) == (["a"], [("x",) * 3])
    (finding,) = examples.findings
    assert (finding.kind, finding.harm, finding.places) == ("no_frames", "warning", (f"{tmp_path}/b.npz",))
    np.savez(tmp_path / "b.npz", frames=empty, labels=["x"] * 3)
    with pytest.raises(InputError, match=r"b\.npz: there are 0 frames and 3 labels"):
        read_recordings(tmp_path, COLUMNS)
    with pytest.raises(InputError, match="no recording with frames that can be read"):
        read_recordings(([empty], [[]]), COLUMNS)


def turned_by_its_head(path, matrix):
    """The film with another display matrix: a, b, c and d of ISO 14496-12, 8.3.2, each 16.16."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    assert struct.unpack(">9i", data[place : place + 36])[:5] == (65536, 0, 0, 0, 65536)
    a, b, c, d = (value * 65536 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


TURNS = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]
MIRRORED = [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]


@pytest.mark.parametrize("matrix", TURNS + MIRRORED)
def test_films_are_turned_and_mirrored_as_they_say(tmp_path, matrix):
    """A pixel at (x, y) is shown at (a x + c y, b x + d y), up to a shift."""
    stored = np.zeros((3, 32, 48, 3), np.uint8)
    stored[:, :16, :24] = 255  # the quarter that tells all turns apart
    write_mp4(tmp_path / "clip.mp4", stored)
    turned_by_its_head(tmp_path / "clip.mp4", matrix)
    (read,) = read_recordings(tmp_path, FRAMES)["frames"]
    a, b, c, d = matrix
    y, x = np.mgrid[:32, :48]
    columns, rows = a * x + c * y, b * x + d * y
    expected = np.zeros((np.ptp(rows) + 1, np.ptp(columns) + 1))
    expected[rows - rows.min(), columns - columns.min()] = stored[0, :, :, 0]
    assert read[:].shape == (3, *expected.shape, 3)
    assert np.abs(read[1, :, :, 0] - expected).mean() < 8


def test_films_whose_frames_do_not_follow_in_even_time_are_told(tmp_path):
    for name, times in (("even.mp4", (0, 1, 2, 3, 4)), ("uneven.mp4", (0, 1, 2, 5, 6))):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.height, stream.width, stream.pix_fmt = 16, 24, "yuv420p"
            for time, frame in zip(times, video(5), strict=True):
                shown = av.VideoFrame.from_ndarray(frame, format="rgb24")
                shown.pts = time
                container.mux(stream.encode(shown))
            container.mux(stream.encode())
    (finding,) = read_recordings(tmp_path, FRAMES).findings
    assert (finding.kind, finding.places) == ("uneven_frames", (f"{tmp_path}/uneven.mp4: 0.040 to 0.120 s",))


def test_labels_that_declare_too_much_take_no_memory(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.ones((3, 5)))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, archive.open("labels.npy", "w") as file:
        head = {"shape": (3,), "fortran_order": False, "descr": f"<U{10**8}"}
        np.lib.format.write_array_header_1_0(file, head)
    with pytest.raises(InputError, match=r"'labels' can't be read \(it is declared to hold 1,200,000,000 bytes"):
        read_recordings(tmp_path, COLUMNS)


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
    assert alive["most"] <= 2 * CHUNK


def test_only_a_chunk_of_frames_is_alive():
    alive = {"now": 0, "most": 0}
    check_stream(Recording("long", counted(1000, alive)).chunks(), alive)


def test_stream_check_catches_a_reader_that_keeps_frames():
    alive = {"now": 0, "most": 0}
    with pytest.raises(AssertionError):
        check_stream(list(counted(1000, alive)()), alive)


def peak_of(source):
    """Bytes that Python and NumPy hold at most while a recording streams by, and no collector of cycles does."""
    (recording,) = recordings(source, FRAMES)
    gc.disable()
    tracemalloc.start()
    for chunk in recording.chunks():
        del chunk
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.enable()
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


def npz(frames):
    return lambda path: np.savez(path, frames=frames)


def declared(shape, dtype):
    """An array that declares this shape and holds nothing."""

    def write(path):
        with zipfile.ZipFile(path, "w") as archive, archive.open("frames.npy", "w") as file:
            np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": dtype})

    return write


def huge_gif(path):
    write_gif(path, video(2))
    path.write_bytes(b"GIF89a" + struct.pack("<HH", 9000, 9000) + path.read_bytes()[10:])


BAD = [
    ("bad.npz", broken_npz, r"bad\.npz, frame \d+: it can't be decoded .*--on-error skip"),
    ("bad.npz", with_nan, r"bad\.npz, frame 70, feature 3: the value is nan"),
    ("bad.npz", lambda path: path.write_text("no zip"), r"bad\.npz, frame 0: it can't be decoded"),
    ("bad.npz", lambda path: np.savez(path, pixels=video()), r"bad\.npz has no array 'frames': it has 'pixels'.*--frames"),
    ("bad.npz", npz(np.array([[{}]])), r"bad\.npz: the array 'frames' is object"),
    ("bad.npz", npz(np.zeros((3, 4, 5))), r"bad\.npz: the frames are .*Expected numbers"),
    ("bad.npz", npz(np.full((3, 4, 4, 3), 256)), r"bad\.npz, frames 0 to 2: values from 256 to 256"),
    ("bad.npz", npz(np.zeros((3, 4), complex)), r"bad\.npz: the frames are complex128"),
    ("bad.npz", npz(np.zeros(9)), r"bad\.npz: the array 'frames' is float64 of shape \(9,\)"),
    ("bad.npz", declared((1, 2**26), "<f4"), r"bad\.npz: a frame of .* declared to hold 268,435,456 bytes: at most"),
    ("bad.npz", declared((2**62, 2**62, 2**62), "<f4"), r"bad\.npz: a frame of .* is declared to hold"),
    ("bad.npz", declared((-3, 4), "<f4"), r"bad\.npz, frame 0: it can't be decoded \(its shape is \(-3, 4\)\)"),
    ("bad.npz", declared((3, 4), "<f4"), r"bad\.npz, frame 0: it can't be decoded"),
    ("bad.gif", huge_gif, r"bad\.gif declares 9,000 x 9,000 = 81,000,000 pixels: at most 50,000,000"),
    ("bad.npz", npz(np.full((3, 4), 1e300)), r"frame 0, feature 0: the value is inf"),
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
    assert [(finding.kind, finding.count) for finding in examples.findings] == [("left_out", 1)]
    assert re.search(complaint, str(examples.findings[0]))
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
        (([], []), "no recording with frames that can be read"),
        (([video()], "a"), "The train data: the column of the labels is a str, whose characters would be rows"),
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
