"""How many labels that were turned on purpose are among the first hundred suspects: python benchmarks/suspects.py TABLE"""

import argparse
import time

import numpy as np

from seqkit.baselines.classifiers import LinearTfidf
from seqkit.checks.suspects import MOST, out_of_fold, suspects
from seqkit.sources.reading import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", help="texts and labels, as seqkit train sentiment reads them")
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--share", type=float, default=0.05, help="of the labels that are turned")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    examples = read(given.table, {"text": given.text, "label": given.label})
    classes = tuple(sorted(set(examples["label"])))
    truth = np.array([classes.index(label) for label in examples["label"]])
    for seed in range(given.seeds):
        rng = np.random.default_rng(seed)
        turned = rng.choice(len(truth), round(given.share * len(truth)), replace=False)
        labels = truth.copy()
        labels[turned] = (labels[turned] + rng.integers(1, len(classes), len(turned))) % len(classes)
        columns = examples.columns | {"label": [classes[label] for label in labels]}
        started = time.perf_counter()

        def fit(train, classes=classes):
            linear = LinearTfidf.fit(train["text"], train["label"], classes)
            return lambda rest: linear.probabilities(rest["text"])

        probabilities = out_of_fold(type(examples)(columns, examples.origin), labels, fit)
        first = suspects(labels, probabilities)[:MOST]
        found = np.isin(first, turned).mean()
        print(f"seed {seed}: {found:.0%} of the first {len(first)} were turned, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
