"""How often a recipe is called better than itself under other seeds: real runs, as `seqkit compare` compares groups.

    python benchmarks/self_comparison.py --out saved_models/itself [--data train.tsv --valid valid.tsv --test test.tsv]

So many small classifiers that differ in their seeds alone are trained (none twice: `seqkit.Study`). Comparisons draw two
groups of them, each run in one group at most, and ask the tests of `seqkit compare` which is better: by rows and seeds, as
they are where groups have two runs or more, and by rows alone, as they are of single runs. Nothing is better than itself,
so every call is a false one. Groups share runs from comparison to comparison, so that the rates hang together. Without
--data they are of the built-in reviews.
"""

import argparse
from pathlib import Path

import numpy as np

from seqkit import Embedding, Stack, Study, Training, Wide
from seqkit.metrics.comparison import Scored, decided, difference
from seqkit.recipes import sentiment
from seqkit.runs.contents import read_info
from seqkit.runs.evaluation import TRAINING
from seqkit.runs.kept_rows import read_rows

METRIC, LEVEL = "accuracy", 0.05
SETTINGS = {
    "embedding": Embedding(units=16),
    "stack": Stack(units=(16,)),
    "wide": Wide(ngrams=0),  # it is the same for every seed
    "training": Training(epochs=3, batch_size=64, learning_rate=3e-3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 2, 3, 5], help="runs in each of the two groups")
    parser.add_argument("--comparisons", type=int, default=200, help="of each size of group")
    for part in ("data", "valid", "test"):
        parser.add_argument(f"--{part}")
    given = parser.parse_args()
    data = {part: getattr(given, part) for part in ("data", "valid", "test")}
    for seed in range(given.runs):  # a study each, as one of them all would compare each two runs
        Study(sentiment, out=given.out, seed=seed, **data, **SETTINGS).run()
    runs = [given.out / f"seed={seed}" for seed in range(given.runs)]
    scored = [scored_run(run) for run in runs]
    values = np.array([float(one.values[METRIC][0]) for one in scored])
    print(f"{len(runs)} runs, {scored[0].rows} rows: {METRIC} {values.mean():.1%}, {values.min():.1%} to "
          f"{values.max():.1%}, standard deviation over seeds {100 * values.std(ddof=1):.1f} points")  # fmt: skip
    for size in given.groups:
        if 2 * size > len(runs):
            raise SystemExit(f"Two groups of {size} take {2 * size} runs, and there are {len(runs)}: give more --runs.")
        calls = false_calls(scored, size, given.comparisons)
        over = "rows alone" if size == 1 else "rows and seeds"
        print(f"groups of {size}, by {over}: {calls} of {given.comparisons} called ({calls / given.comparisons:.1%})")


def scored_run(run: Path) -> Scored:
    """What its evaluation kept of the rows."""
    kept = read_rows(run, read_info(run), TRAINING)
    return Scored.of(run.name, [kept.scorer], len(kept.scorer.counts))


def together(runs: list[Scored]) -> Scored:
    """A group of runs; its resampled rows are those of each, so that they need not be drawn again."""
    return Scored(
        "",
        tuple(run.scorers[0] for run in runs),
        {name: np.concatenate([run.values[name] for run in runs]) for name in runs[0].values},
        {name: np.mean([run.drawn[name] for run in runs], axis=0) for name in runs[0].drawn},
        runs[0].rows,
    )


def false_calls(runs: list[Scored], size: int, comparisons: int) -> int:
    """How many of so many comparisons of two groups call a win."""
    random, called = np.random.default_rng(0), 0
    for _ in range(comparisons):
        drawn = random.choice(len(runs), 2 * size, replace=False)
        one, other = (together([runs[place] for place in half]) for half in np.split(drawn, 2))
        found = difference(one, other, METRIC, permuted=False)
        if (
            found.get("p_both", 0.0) < LEVEL
        ):  # or else nothing is called, whatever exchanging rows says, which takes longest
            found = difference(one, other, METRIC)
            called += decided(found | {"p_holm": found["p_value"]}, METRIC) != "open"
    return called


if __name__ == "__main__":
    main()
