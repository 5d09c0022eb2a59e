"""What a run's folder says."""

import pytest

from seqkit.runs.contents import files_like, validated


@pytest.mark.parametrize(("more", "value"), [({}, 0.5), ({"weighed": 0.0}, 0.0)])
def test_runs_are_compared_by_the_whole_model_where_paths_were_weighed(more, value):
    assert validated({"kept": {"epoch": 1, "monitor": "val_accuracy", "value": 0.5, **more}}) == ("val_accuracy", value)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("baselines/*.npz", ["baselines/uniform.npz"]),
        ("evaluations/*/report.json", ["evaluations/baselines/report.json"]),
        ("samples*", ["samples.jsonl"]),
    ],
)
@pytest.mark.parametrize("version", ["0.4.0", "0.6.0"])  # whose files are those that lie there, or that were written
def test_files_are_found_by_their_whole_path(version, pattern, found, tmp_path):
    names = ["baselines/uniform.npz", "evaluations/baselines/rows.npz", "evaluations/baselines/report.json"]
    names += ["samples.jsonl", "old/samples.jsonl", "old/evaluations/one/report.json"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    info = {"versions": {"seqkit": version}, "files": dict.fromkeys(names)}
    assert list(files_like(tmp_path, info, pattern)) == found
