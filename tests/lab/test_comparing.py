"""Comparisons of run folders: groups by their settings, the same figures with and without the data, and what is refused."""

import csv
import dataclasses
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import seqkit
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.lab import comparing
from seqkit.lab.groups import Group, grouped
from seqkit.metrics.judged import Items, Judged
from seqkit.metrics.metric import metric
from seqkit.metrics.sums import summed
from seqkit.metrics.tags import sentence_sums, tag_scores
from seqkit.runs.comparable import shared_metrics
from seqkit.runs.contents import read_info, write_info
from seqkit.runs.kept_rows import KINDS, KeptRows, read_rows
from seqkit.runs.run import load
from tests.cases import QUICK, write_small_table


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two cells, two seeds of each: of one cell two trainings, of the other a copy of these that says so."""
    folder = tmp_path_factory.mktemp("compared")
    table = write_small_table(folder)
    command = ["train", "sentiment", "--data", str(table), "--valid", str(table), *QUICK, "--wide.ngrams", "0"]
    for seed in ("0", "1"):
        assert main([*command, "--seed", seed, "--out", str(folder / f"one-{seed}")]) == 0
        shutil.copytree(folder / f"one-{seed}", folder / f"two-{seed}")
        info = read_info(folder / f"two-{seed}")
        info["settings"]["stack"]["cell"] = "made_up"
        write_info(folder / f"two-{seed}", info)
    return folder


def paths(folder, *names):
    return [str(folder / name) for name in names]


def test_runs_that_differ_in_the_seed_are_a_group(runs):
    found = seqkit.compare(paths(runs, "one-0", "two-1", "one-1", "two-0"))
    assert {group["name"]: group["seeds"] for group in found.groups} == {"cell=lstm": [0, 1], "cell=made_up": [1, 0]}
    assert re.search(r"2 groups, of 2, 2 runs, which differ in stack.cell", found.how)
    values = [load(runs / name).report["metrics"]["accuracy"]["value"] for name in ("one-0", "one-1")]
    for group in found.groups:
        assert group["metrics"]["accuracy"]["value"] == pytest.approx(np.mean(values))
        assert group["metrics"]["accuracy"]["sd"] == pytest.approx(np.std(values, ddof=1))
    assert [pair["metric"] for pair in found.pairs] == ["accuracy", "macro_f1"]
    for pair in found.pairs:  # the same answers
        assert (pair["difference"], pair["call"], pair["over"]) == (0.0, "open", "rows and seeds")
    alone = seqkit.compare(paths(runs, "one-0", "one-1"))
    assert "same settings but for the seed" in alone.how
    assert {pair["call"] for pair in alone.pairs} == {"seeds"}


def test_an_ensemble_is_no_seed_of_its_members():
    one = {"recipe": "sentiment", "settings": {}, "data": {}, "seed": 0}
    infos = [one, {**one, "seed": 1}, {**one, "members": [{}, {}]}]
    groups, how = grouped([Path("a"), Path("b"), Path("both")], infos)
    assert [group.paths for group in groups] == [(Path("a"), Path("b")), (Path("both"),)]
    assert "which differ in members" in how


def test_ensembles_of_other_members_are_no_seeds_of_each_other():
    def of(*cells):
        members = [
            {"seed": seed, "settings": {"seed": seed, "stack": {"cell": cell}}} for seed, cell in enumerate(cells)
        ]
        return {
            "recipe": "sentiment",
            "settings": {"stack": {"cell": cells[0]}},
            "data": {},
            "seed": 0,
            "members": members,
        }

    infos = [of("lstm", "gru"), of("lstm", "lstm"), of("lstm", "lstm"), of("lstm", "gru")]
    groups, _ = grouped([Path(name) for name in "abcd"], infos)
    assert [group.paths for group in groups] == [(Path("a"), Path("d")), (Path("b"), Path("c"))]
    assert groups[0].name == "members=2 + stack.cell=gru + stack.cell=lstm"


def test_runs_on_a_file_that_was_changed_are_no_group():
    def info(seed, rows, digest, cell="lstm", data="t.tsv", **settings):
        held = {"train": {"rows": rows, "digest": digest * 32}, "valid": {"rows": 2, "digest": "e" * 64}}
        return {
            "recipe": "sentiment",
            "seed": seed,
            "data": held,
            "settings": {"data": data, "stack": {"cell": cell}} | settings,
        }

    def names(*infos):
        return [group.name for group in grouped([Path(str(number)) for number in range(len(infos))], infos)[0]]

    told = ["training_rows=20 (0a0a0a0a)", "training_rows=1,021 (0b0b0b0b)"]
    valid = {"valid": "v.tsv"}
    assert names(info(0, 20, "0a", **valid), info(1, 1021, "0b", **valid), info(2, 20, "0a", **valid)) == told
    other_cells = names(info(0, 20, "0a", **valid), info(0, 1021, "0b", "gru", **valid))
    assert other_cells == [f"cell={cell} {rows}" for cell, rows in zip(("lstm", "gru"), told, strict=True)]
    assert names(info(0, 20, "0a", **valid), info(0, 21, "0b", data="u.tsv", **valid)) == ["data=t.tsv", "data=u.tsv"]
    assert names(info(0, 20, "0a"), info(1, 20, "0b")) == ["0", "1"], "what is held out differs with the seed"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (("data/" + "a" * 80 + "/x.tsv", "data/" + "a" * 80 + "/y.tsv"), ["data/aaaaaaaaaaaaaaa...", "/x.tsv"]),
        (("a" * 40 + "1" + "a" * 40, "a" * 40 + "2" + "a" * 40), ["a" * 40 + "1" + "a" * 40]),
        (("short", "b" * 60), ["short"]),
    ],
)
def test_groups_of_long_settings_have_names_of_their_own(values, shown):
    infos = [{"recipe": "sentiment", "seed": 0, "data": {}, "settings": {"stack": {"vectors": one}}} for one in values]
    names = [group.name for group in grouped([Path("a"), Path("b")], infos)[0]]
    assert len({*names}) == 2
    assert all(part in names[0] for part in shown)
    assert len(names[0]) <= len("vectors=") + max(60, len(max(shown, key=len)))


def test_language_models_of_other_symbols_are_not_compared_by_symbols(runs, monkeypatch):
    monkeypatch.setattr(comparing, "by_bits", lambda tasks: True)
    with pytest.raises(InputError, match="give --data, on which they are compared by bits per character"):
        seqkit.compare(paths(runs, "one-0", "two-0"))


def test_what_is_kept_says_what_the_data_says(runs):
    both = paths(runs, "one-0", "two-1")
    kept, read = seqkit.compare(both), seqkit.compare(both, data=str(runs / "rows.tsv"))
    assert kept.data["digest"] == read.data["digest"]
    for ours, theirs in ((kept.groups, read.groups), (kept.pairs, read.pairs)):
        assert json.dumps(ours) == json.dumps(theirs)
    told = [one["traits"] for one in (*kept.traits, *read.traits)]
    assert {*told[0]} == {"label", "length", "rarest word"}
    for trait, values in told[0].items():
        assert sum(value["items"] for value in values) == kept.data["rows"]
        assert values == [pytest.approx(value) for value in told[1][trait]]
    assert [row["row"] for row in kept.rows] == [row["row"] for row in read.rows]
    report = load(both[0]).evaluate(str(runs / "rows.tsv"), name="beside", against=load(both[1]))
    pair = next(pair for pair in kept.pairs if pair["metric"] == "accuracy")
    sign = 1 if kept.groups[0]["runs"] == both[:1] else -1
    against = report["against"]["metrics"]["accuracy"]
    assert against["difference"] == pytest.approx(sign * pair["difference"])
    assert against["p_value"] == pytest.approx(pair["p_permutation"])


def test_it_is_written_for_people_tables_and_latex(runs, tmp_path, capsys):
    names = paths(runs, "one-0", "one-1", "two-0")
    assert main(["compare", *names, "--rope", "0.5", "--to", str(tmp_path / "there")]) == 0
    out = capsys.readouterr().out
    assert "cell=lstm" in out
    assert out.split()[-4:] == [
        str(tmp_path / "there" / f"comparison.{ending}") for ending in ("html", "csv", "tex", "json")
    ]
    rows = list(csv.DictReader((tmp_path / "there" / "comparison.csv").read_text().splitlines()))
    found = json.loads((tmp_path / "there" / "comparison.json").read_text())
    assert [float(row["p_holm"]) for row in rows] == [pair["p_holm"] for pair in found["pairs"]]
    assert {row["over"] for row in rows} == {"rows"}, "one of the groups is a single run"
    page = (tmp_path / "there" / "comparison.html").read_text()
    assert "over seeds" in page
    assert "http" not in page
    table = (tmp_path / "there" / "comparison.tex").read_text()
    assert table.count(r"\\") == 3
    assert r"cell=made\_up & 1 &" in table
    assert main(["compare", *names, "--json", "--to", str(tmp_path / "there")]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out).keys() == found.keys()
    assert str(tmp_path / "there" / "comparison.csv") in printed.err
    assert main(["compare", *names, "--metric", "accurracy"]) == 2
    assert main(["compare", *names, "--to", str(tmp_path / "a.pdf")]) == 2
    assert "ends in .pdf: give a folder, or a file that ends in .html" in capsys.readouterr().err


def test_what_does_not_compare_is_refused_by_name(runs, small, tmp_path):
    one = str(runs / "one-0")
    with pytest.raises(InputError, match="two run folders or more"):
        seqkit.compare([one])
    for reading in ({"columns": {"text": "body"}}, {"data_dir": "there"}):
        with pytest.raises(InputError, match="say how data is read, and there is none: give --data"):
            seqkit.compare(paths(runs, "one-0", "two-0"), **reading)
    with pytest.raises(InputError, match="There is no field 'txt': there are text, label"):
        seqkit.compare(paths(runs, "one-0", "two-0"), data=str(runs / "rows.tsv"), columns={"txt": "review"})
    with pytest.raises(InputError, match="given twice"):
        seqkit.compare([one, one])
    tenth = tmp_path / "tenth"
    shutil.copytree(small, tenth)
    info = read_info(tenth)  # other tests evaluate the shared run, on these rows too
    info["files"] = {
        name: file
        for name, file in info["files"].items()
        if not name.startswith("evaluations/") or "/training/" in name
    }
    write_info(tenth, info)
    with pytest.raises(
        InputError, match=rf"scored on other rows: {one} on .*rows\.tsv.* \(\d+ rows\); {tenth} on a tenth"
    ):
        seqkit.compare([one, tenth])
    other = load(one).task
    table = tmp_path / "other.tsv"
    table.write_text("".join(f"{name}\tword {name}\n" for name in ["label\ttext", *[*other.classes, "third"] * 20][1:]))
    table.write_text("label\ttext\n" + table.read_text())
    assert main(["train", "sentiment", "--data", str(table), *QUICK, "--out", str(tmp_path / "third")]) == 0
    with pytest.raises(InputError, match=r"third has other classes than .*one-0 \(.*third"):
        seqkit.compare([one, tmp_path / "third"])
    bare = tmp_path / "bare"
    shutil.copytree(one, bare)
    info = read_info(bare)
    del info["files"]["evaluations/training/rows.npz"]
    info["settings"]["stack"]["cell"] = "made_up"
    write_info(bare, info)
    with pytest.raises(InputError, match="bare keeps nothing of the rows of its evaluation training.*give --data"):
        seqkit.compare([one, bare])


def test_runs_are_compared_by_the_metrics_that_all_have(rng):
    """Such as taggers of which one knows every word, be they two groups or one."""
    rows = 30
    tags = [tuple(rng.choice(["X", "Y"], 3)) for _ in range(rows)]
    known = [np.array([True, True, row > 5]) for row in range(rows)]
    sums = sentence_sums(tags, [row[::-1] for row in tags], known)
    scorers = [summed([sums], tag_scores, unknown=unknown) for unknown in (True, False)]
    names, both = [Path("one"), Path("other")], list(itertools.permutations(scorers))
    items = Items(np.arange(rows), {})
    for scored in both:
        kept = {
            name: KeptRows(scorer, items, Judged(np.ones(rows), [])) for name, scorer in zip(names, scored, strict=True)
        }
        shared = shared_metrics(names, scored)
        assert shared == ("token_accuracy",)
        for groups in ([(name,) for name in names], [tuple(names), (names[0],)]):
            made = [Group(str(own), own, (0,) * len(own), {}) for own in groups]
            found = comparing._compared(made, "", kept, {"rows": rows}, shared, None, 0.0, None)
            assert {name for group in found.groups for name in group["metrics"]} == {"token_accuracy"}
            assert [pair["metric"] for pair in found.pairs] == ["token_accuracy"]
        with pytest.raises(InputError, match=r"other has other metrics than one \(.*token_accuracy"):
            shared_metrics(names, scored, "unknown_token_accuracy")
    spans = summed([np.concatenate([sums, np.ones((rows, 3))], axis=1)], tag_scores, unknown=True)
    with pytest.raises(InputError, match="other has other metrics than one .*span_f1"):
        shared_metrics(names, [scorers[0], spans])


def test_what_is_best_near_one_is_no_metric_to_compare_by(runs, monkeypatch):
    """Of 0.9 and 1.1 no difference says which is better."""
    near_one = dataclasses.replace(metric("accuracy"), headline=False, better="one")
    monkeypatch.setattr(comparing, "declared", lambda name: near_one if name == "accuracy" else metric(name))
    with pytest.raises(InputError, match="metric is 'accuracy'"):
        seqkit.compare(paths(runs, "one-0", "one-1"), metric="accuracy")


def test_every_recipe_keeps_its_rows(run):
    """What is read again scores what the report says."""
    kept = read_rows(run.path, run.info, "training")
    assert kept is not None
    assert kept.scorer.of.__name__ in KINDS
    report = run.report
    scores = kept.scorer(np.arange(report["data"]["rows"]))
    assert scores == pytest.approx({name: score["value"] for name, score in report["metrics"].items()})
    assert len(kept.items.rows) == len(kept.judged.gains)
    assert kept.items.rows.max() < report["data"]["rows"]
    for trait in kept.items.traits.values():
        assert len(trait.places) == len(kept.items.rows)
        assert trait.places.max(initial=-1) < len(trait.names)
