"""The defaults of sentiment and tagging beside simple models, over a suite of small and middling data sets:

    python benchmarks/defaults.py DATA --sets rt_polarity atis_intents imdb_200 imdb_1000 imdb_5000 --seeds 3 [--test]

DATA has the folders imdb, rt_polarity, atis, multi30k and ud_en_ewt. Settings are chosen by what is printed without
`--test`: accuracy on the validation rows (of imdb a tenth of the training rows that no other set has), of tags what their
recipe's verdict looks at, the mean over the seeds, and each system's mean rank over the sets on which all were scored.
A seed draws the rows of a small set too. `--systems default "batches of 32" "one pass"` says what smaller batches and
several passes an epoch bring, of tags `--systems default "half the epochs"` what ten epochs in place of five do, and
`--systems "wide path" "wide path, words"` what the spelling of words, and `--systems default subwords` what reading words by
their pieces.
With `--test` the same systems are fitted once more and answer the test rows. fastText's own library takes part where it is
installed (pip install fasttext-wheel).

Each score has its 95% interval over rows (Wilson's; of tags the bootstrap's, as reported), the mean of the seeds' own. The
default is above a simple model where its mean is above that one's interval, and below where it is below it; its own interval
over other seeds (Student's t) is the last column.
With `--lines FILE` each score is kept there as soon as it is known, and what the file has is not fitted again; so several
processes can share a suite, and a last one prints its table.
"""

import argparse
import dataclasses
import functools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from published.rows import over_seeds
from scipy.stats import binomtest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from seqkit import Training, Wide
from seqkit.baselines.classifiers import LinearTfidf, NaiveBayesLinear
from seqkit.layers.wide import END, TABLE, Runs, held_by, wide_logits
from seqkit.recipes import sentiment, tagging
from seqkit.sources.reading import read
from seqkit.tasks.text_classification import CHARACTERS, RUN
from seqkit.tasks.two_paths import fit_wide, spelling_of
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import Vocabulary

HELD_OUT = 2_500  # of imdb's training rows
FIRST_WORDS = 3  # of a sentence, by which its language is to be told
TERMS = 300  # that trees see

Rows = tuple[Sequence[str], Sequence[str]]  # texts and labels


@dataclasses.dataclass(frozen=True)
class Set:
    train: Rows
    valid: Rows
    test: Rows


def table(path: Path, text: str = "text", label: str = "label") -> Rows:
    rows = read(str(path), {"text": text, "label": label})
    return list(rows["text"]), list(rows["label"])


def taken(rows: Rows, places: np.ndarray) -> Rows:
    return [rows[0][place] for place in places], [rows[1][place] for place in places]


def three(folder: Path, names: Sequence[str], **columns: str) -> Set:
    return Set(*(table(folder / name, **columns) for name in names))


@functools.cache
def imdb(data: Path) -> Set:
    train, test = (table(data / "imdb" / f"{part}.tsv.gz") for part in ("train", "test"))
    drawn = np.random.default_rng(0).permutation(len(train[0]))
    return Set(taken(train, drawn[HELD_OUT:]), taken(train, drawn[:HELD_OUT]), test)


def few(rows: Set, count: int, seed: int) -> Set:
    """With so many of the training rows."""
    drawn = np.random.default_rng(seed).permutation(len(rows.train[0]))[:count]
    return dataclasses.replace(rows, train=taken(rows.train, drawn))


def languages(data: Path) -> Set:
    def rows(part: str) -> Rows:
        texts, labels = [], []
        for language in ("en", "de"):
            lines = (data / "multi30k" / f"{part}.{language}").read_text(encoding="utf-8").splitlines()
            texts += [" ".join(line.split()[:FIRST_WORDS]) for line in lines]
            labels += [language] * len(lines)
        return texts, labels

    return Set(*map(rows, ("train", "val", "test_2016_flickr")))


PARTS = ("train", "valid", "test")
LABELS: dict[str, Callable[[Path], Set]] = {
    "rt_polarity": lambda data: three(data / "rt_polarity", [f"{part}.tsv" for part in PARTS]),
    "atis_intents": lambda data: three(data / "atis", [f"{part}.intent.tsv" for part in PARTS], text="1", label="0"),
    "languages": languages,
    "imdb": imdb,
}
FEW = {f"rt_polarity_{count}": ("rt_polarity", count) for count in (200, 1000)}  # set -> rows of another one
FEW |= {f"imdb_{count}": ("imdb", count) for count in (200, 1000, 5000)}
TAGS = {
    "atis_slots": ("atis", [f"{part}.conll" for part in PARTS], "span_f1"),
    "ud_en_ewt": ("ud_en_ewt", [f"en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")], "token_accuracy"),
}

SETS = [*LABELS, *FEW, *TAGS]

Answer = Callable[[Sequence[str]], Sequence[str]]


def ours(train: Rows, valid: Rows, seed: int, **settings) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        run = sentiment(train, valid=valid, out=Path(folder) / "run", seed=seed, **settings)
    return lambda texts: [answer["label"] for answer in run.predict(texts)]


def wide_path(characters: int) -> Callable[..., Answer]:
    """The default's wide path by itself, its words fitted by their runs of up to so many characters too."""

    def fit(train: Rows, valid: Rows, seed: int) -> Answer:
        rule, classes = Tokenizer("word", lowercase=True), sorted(set(train[1]))
        tokens = tokenize(train[0], rule, cache=False)
        vocabulary = Vocabulary.build(tokens, rule, min_count=2)
        runs = Runs.of(len(vocabulary), RUN, Wide().buckets)
        ids = keras.Input((None,), dtype="int32")
        model = keras.Model(ids, wide_logits(ids, runs, outputs=len(classes)))
        spelling = spelling_of(vocabulary.tokens, characters) if characters else None
        labels = np.array([classes.index(label) for label in train[1]])
        fit_wide(model, vocabulary.encode(tokens), labels, runs, spelling)
        (weights,) = model.get_layer(TABLE).get_weights()

        def answer(texts: Sequence[str]) -> Sequence[str]:
            held = held_by(vocabulary.encode(tokenize(texts, rule, cache=False)), runs)
            return [classes[place] for place in (held @ weights + weights[END]).argmax(axis=1)]

        return answer

    return fit


def baseline(kind: type) -> Callable[..., Answer]:
    def fit(train: Rows, valid: Rows, seed: int) -> Answer:
        classes = tuple(sorted(set(train[1])))
        model = kind.fit(*train, classes)
        return lambda texts: [classes[place] for place in model.probabilities(texts).argmax(axis=1)]

    return fit


def of_features(vectorizer: Callable, model: Callable, dense: bool = False) -> Callable[..., Answer]:
    def fit(train: Rows, valid: Rows, seed: int) -> Answer:
        read_as, own = vectorizer(), model(seed)

        def features(texts):
            found = read_as.transform(texts)
            return found.toarray().astype(np.float32) if dense else found

        read_as.fit(train[0])
        own.fit(features(train[0]), train[1])
        return lambda texts: own.predict(features(texts))

    return fit


def fasttext(train: Rows, valid: Rows, seed: int) -> Answer:
    import fasttext as library

    library.FastText.eprint = lambda *words: None

    def line(text: str) -> str:
        return " ".join(text.lower().split())

    names = sorted(set(train[1]))
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"__label__{names.index(label)} {line(text)}\n" for text, label in zip(*train, strict=True))
        file.flush()
        model = library.train_supervised(file.name, wordNgrams=2, epoch=25, lr=0.5, seed=seed, thread=1, verbose=0)
    # the library's `predict` needs an older NumPy; what lies below it does not
    return lambda texts: [
        names[int(model.f.predict(line(text) + "\n", 1, 0.0, "strict")[0][1].removeprefix("__label__"))]
        for text in texts
    ]


ONE_PASS = Training(epochs=6, batch_size=16, learning_rate=2e-3, schedule="cosine")
OF_32 = Training(epochs=6, epoch_steps=50, learning_rate=2e-3, schedule="cosine")
VARIANTS: dict[str, Callable[..., Answer]] = {  # of the default, which only who names them gets
    "batches of 32": lambda *given: ours(*given, training=OF_32),
    "one pass": lambda *given: ours(*given, training=ONE_PASS),
    "words alone": lambda *given: ours(*given, wide=Wide(characters=0)),
    "wide path": wide_path(CHARACTERS),
    "wide path, words": wide_path(0),
    "subwords": lambda *given: ours(*given, unit="subword"),
    "subwords, 5,000": lambda *given: ours(*given, unit="subword", vocabulary_size=5_000),
    "subwords, runs of 3": lambda *given: ours(*given, unit="subword", wide=Wide(ngrams=3)),
}
SYSTEMS: dict[str, Callable[..., Answer]] = {
    "default": ours,
    "recurrent alone": lambda *given: ours(*given, wide=Wide(ngrams=0)),
    "linear": baseline(LinearTfidf),
    "linear, characters": of_features(
        lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=2),
        lambda seed: LogisticRegression(C=10.0, max_iter=1000),
    ),
    "naive Bayes": baseline(NaiveBayesLinear),
    "fastText": fasttext,
    "trees": of_features(
        lambda: TfidfVectorizer(max_features=TERMS),
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        True,
    ),
}


HALF = Training(epochs=5, epoch_steps=250, learning_rate=4e-3, schedule="cosine", global_clipnorm=5.0)
OF_TAGS: dict[str, dict[str, Training]] = {"default": {}, "half the epochs": {"training": HALF}}
LINEAR = ["linear", "linear, characters", "naive Bayes"]


@dataclasses.dataclass(frozen=True)
class Score:
    set: str
    system: str
    seed: int
    test: bool
    value: float
    low: float
    high: float
    seconds: float


def tags(data: Path, name: str, system: str, seed: int, test: bool) -> list[Score]:
    """Of the tagger, and of the linear one that it is compared with."""
    folder, files, metric = TAGS[name]
    train, valid, own = (str(data / folder / file) for file in files)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run"
        run = tagging(train, valid=valid, test=own if test else None, out=out, seed=seed, **OF_TAGS[system])
    found = {system: run.report["metrics"], "linear": run.report["baselines"]["linear"]}
    return [
        Score(name, kind, seed, test, one["value"], one["low"], one["high"], run.info["training_seconds"])
        for kind, one in ((kind, metrics[metric]) for kind, metrics in found.items())
    ]


def labels(data: Path, name: str, system: str, seed: int, test: bool) -> list[Score]:
    own = few(LABELS[FEW[name][0]](data), FEW[name][1], seed) if name in FEW else LABELS[name](data)
    texts, truth = own.test if test else own.valid
    started = time.perf_counter()
    answer = (SYSTEMS | VARIANTS)[system](own.train, own.valid, seed)
    seconds = time.perf_counter() - started
    right = sum(a == b for a, b in zip(answer(texts), truth, strict=True))
    low, high = binomtest(right, len(truth)).proportion_ci(method="wilson")
    return [Score(name, system, seed, test, right / len(truth), low, high, seconds)]


def kept(lines: Path | None, test: bool) -> list[Score]:
    if not lines or not lines.exists():
        return []
    scores = [Score(**json.loads(line)) for line in lines.read_text(encoding="utf-8").splitlines()]
    return [score for score in scores if score.test == test]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=[*SYSTEMS, *VARIANTS, *OF_TAGS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--test", action="store_true", help="score the test rows: once, when all is chosen")
    parser.add_argument(
        "--lines", type=Path, help="file that scores are appended to; what it has is not measured again"
    )
    given = parser.parse_args()
    found = {(score.set, score.system, score.seed): score for score in kept(given.lines, given.test)}
    for name in given.sets:
        measure, systems = (tags, OF_TAGS) if name in TAGS else (labels, SYSTEMS | VARIANTS)
        for seed in range(given.seeds):
            for system in [one for one in given.systems if one in systems and (name, one, seed) not in found]:
                try:
                    scores = measure(given.data, name, system, seed, given.test)
                except ImportError as error:
                    print(f"{system} is left out: {error}", flush=True)
                    given.systems.remove(system)
                    continue
                for score in scores:
                    found[score.set, score.system, score.seed] = score
                    print(json.dumps(dataclasses.asdict(score)), flush=True)
                    if given.lines:
                        with open(given.lines, "a", encoding="utf-8") as file:
                            print(json.dumps(dataclasses.asdict(score)), file=file)
    wanted = [score for score in found.values() if score.set in given.sets and score.seed < given.seeds]
    print("\n".join(summary(wanted, given.sets, given.systems)))


@dataclasses.dataclass(frozen=True)
class Mean:
    value: float
    low: float
    high: float
    seconds: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} ({100 * self.low:.1f} to {100 * self.high:.1f}; {self.seconds:.0f} s)"


def means(scores: Sequence[Score]) -> dict[str, Mean]:
    """Of each system of a set."""
    own: dict[str, list[Score]] = {}
    for score in scores:
        own.setdefault(score.system, []).append(score)
    names = [field.name for field in dataclasses.fields(Mean)]
    return {
        system: Mean(*(float(np.mean([getattr(score, name) for score in of])) for name in names))
        for system, of in own.items()
    }


def beside(ours: Mean | None, other: Mean | None) -> str:
    """How a mean stands to another system's interval."""
    if ours is None or other is None:
        return ""
    return "above" if ours.value > other.high else "below" if ours.value < other.low else "within"


def summary(scores: Sequence[Score], sets: Sequence[str], systems: Sequence[str]) -> list[str]:
    titles = [*systems, *(f"default beside {other}" for other in LINEAR), "default over seeds"]
    lines = [f"| data | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    ranks: dict[str, list[int]] = {system: [] for system in systems}
    for name in sets:
        rows = means([score for score in scores if score.set == name])
        stands = [beside(rows.get("default"), rows.get(other)) for other in LINEAR]
        values = [score.value for score in scores if score.set == name and score.system == "default"]
        seeds = over_seeds("accuracy", values) if values else None
        stands.append(f"{100 * seeds['low']:.1f} to {100 * seeds['high']:.1f}" if seeds else "")
        lines.append(f"| {name} | {' | '.join([*(str(rows.get(system, '')) for system in systems), *stands])} |")
        if rows.keys() >= set(systems):
            for system in systems:
                ranks[system].append(1 + sum(other.value > rows[system].value for other in rows.values()))
    means_of_ranks = [f"{np.mean(own):.1f}" if own else "" for own in ranks.values()]
    lines.append(f"| mean rank | {' | '.join([*means_of_ranks, *[''] * (len(LINEAR) + 1)])} |")
    return lines


if __name__ == "__main__":
    main()
