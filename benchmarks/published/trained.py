"""Rows that a recipe trains: each is a command, `seqkit study` with the seeds, so that nothing is trained twice."""

import functools
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rows import Given, Measured, Published, Row

from seqkit.baselines.classifiers import NaiveBayesLinear
from seqkit.metrics.comparison import Scored
from seqkit.runs.contents import read_info
from seqkit.runs.evaluation import TRAINING, read_report
from seqkit.runs.kept_rows import read_rows
from seqkit.sources.reading import read

TRIED = "tried"  # folder of runs with other flags


def studied(
    study: str, command: str, metric: str, given: Given, prepare: Callable[[Given], None] | None = None
) -> Measured:
    """Train a recipe with all seeds, and read what it scores on the test rows.

    Args:
        study: Folder of the runs below `given.out`.
        command: What follows `seqkit study`; {data} and {out} stand for the folders.
        metric: Of the report.
        prepare: Makes files of the data first.
    """
    out = given.out / (TRIED if given.flags else "") / study
    if prepare is not None:
        prepare(given)
    words = [word.format(data=given.data, out=given.out) for word in without(command.split(), given.flags)]
    seeds = ["--seeds", str(given.seeds), "--out", str(out)]
    if subprocess.run([sys.executable, "-m", "seqkit.cli", "study", *words, *given.flags, *seeds]).returncode:
        raise SystemExit(f"{study} was not trained: see above.")
    runs = [out / f"seed={seed}" for seed in range(given.seeds)]
    infos = [read_info(run) for run in runs]
    values = [read_report(*one)["metrics"][metric]["value"] for one in zip(runs, infos, strict=True)]
    return Measured(values, [info["training_seconds"] for info in infos], over_rows(runs, metric))


def without(command: Sequence[str], flags: Sequence[str]) -> list[str]:
    """The words of a command but for flags that are given anew, with their values."""
    kept, flag = [], ""
    for word in command:
        flag = word if word.startswith("--") else flag
        if flag not in flags:
            kept.append(word)
    return kept


def over_rows(runs: Sequence[Path], metric: str) -> dict[str, float] | None:
    kept = [read_rows(run, read_info(run), TRAINING) for run in runs]
    if any(one is None for one in kept):
        return None
    scorers = [one.scorer for one in kept]
    return Scored.of("", scorers, scorers[0].counts.shape[0]).figures(metric).get("rows")


def row(of: str, study: str, command: str, metric: str, published: Published | None = None, **more) -> Row:
    """A row of a command."""
    return Row(of, metric, functools.partial(studied, study, command, metric, **more), published)


def naive_bayes(given: Given) -> Measured:
    """The baseline of every report on texts: it has no seed."""
    train, test = (
        read(str(given.data / f"imdb/{part}.tsv.gz"), {"text": "text", "label": "label"}) for part in ("train", "test")
    )
    classes, started = tuple(sorted(set(train["label"]))), time.perf_counter()
    found = NaiveBayesLinear.fit(train["text"], train["label"], classes).probabilities(test["text"]).argmax(axis=1)
    right = np.array([classes[place] == label for place, label in zip(found, test["label"], strict=True)])
    seconds, half = time.perf_counter() - started, 1.96 * right.std() / np.sqrt(len(right))
    return Measured([float(right.mean())], [seconds], {"low": right.mean() - half, "high": right.mean() + half})


def shakespeare_parts(given: Given) -> None:
    """The last tenth for testing, as nanoGPT has it; the first 20,000 characters choose the epoch."""
    text = (given.data / "tinyshakespeare/input.txt").read_text(encoding="utf-8")
    given.out.mkdir(parents=True, exist_ok=True)
    for part, piece in {"valid": text[:20_000], "train": text[20_000:1_003_854], "test": text[1_003_854:]}.items():
        (given.out / f"tinyshakespeare_{part}.txt").write_text(piece, encoding="utf-8")


def with_intents(given: Given) -> None:
    """ATIS's token files with each sentence's intent before it, as `intents_and_slots` reads them."""
    given.out.mkdir(parents=True, exist_ok=True)
    for part in ("train", "valid", "test"):
        sentences = (given.data / f"atis/{part}.conll").read_text(encoding="utf-8").strip("\n").split("\n\n")
        rows = (given.data / f"atis/{part}.intent.tsv").read_text(encoding="utf-8").splitlines()
        intents = [row.split("\t")[0] for row in rows]
        told = [f"# intent = {intent}\n{sentence}" for intent, sentence in zip(intents, sentences, strict=True)]
        (given.out / f"atis_joint_{part}.conll").write_text("\n\n".join(told) + "\n", encoding="utf-8")


def three(folder: str, train: str, valid: str, test: str) -> str:
    """The flags of three files."""
    return " ".join(
        f"--{name} {{data}}/{folder}/{file}" for name, file in (("data", train), ("valid", valid), ("test", test))
    )


MULTI30K = (
    "translation --data {data}/multi30k/train --valid {data}/multi30k/val --test {data}/multi30k/test_2016_flickr "
    "--source en --target de --vocabulary-size 5000 --embedding.units 320 --embedding.dropout 0.3 --encoder.units 320 "
    "--encoder.dropout 0.4 --decoder.units 320 --decoder.dropout 0.4 --training.epochs 15 --training.learning-rate 1.5e-3 "
    "--training.ema 0.999"
)
JOINT = (
    "intents_and_slots --data {out}/atis_joint_train.conll --valid {out}/atis_joint_valid.conll "
    "--test {out}/atis_joint_test.conll"
)
REFINE = "Wu et al. 2020, SlotRefine, without pretraining"
FRAMES = (
    f"video_frames {three('utkinect', 's0[1-7]*.npz', 's08*.npz', 's[01][09]*.npz')} --encoder.points 3 --background none "
    "--window 128 --training.epochs 8 --training.monitor val_accuracy --stack.units 48"
)
GREFF = "Greff et al. 2017, on speech, handwriting and music"
VARIANTS = {  # cell -> name, what they found beside vanilla
    "lstm_peephole": ("vanilla", "the measure of the others"),
    "lstm_no_input_gate": ("NIG", "not better"),
    "lstm_no_forget_gate": ("NFG", "worse on all three"),
    "lstm_no_output_gate": ("NOG", "not better"),
    "lstm_no_input_activation": ("NIAF", "not better"),
    "lstm_no_output_activation": ("NOAF", "worse on all three"),
    "lstm_coupled": ("CIFG", "as good"),
    "lstm": ("NP", "as good"),
    "lstm_full_gate": ("FGR", "not better"),
}

ROWS = {
    "upos": row(
        "ud_en_ewt, universal parts of speech", "upos",
        f"tagging {three('ud_en_ewt', *(f'en_ewt-ud-{part}.conllu' for part in ('train', 'dev', 'test')))}",
        "token_accuracy",
        Published("96.9, a pretrained transformer", "spaCy, model card of en_udv25_englishewt_trf", 0.969),
    ),
    "atis/slots": row(
        "ATIS, slots, a tagger with a CRF", "atis_slots",
        f"tagging {three('atis', 'train.conll', 'valid.conll', 'test.conll')} --output crf --training.epochs 30 "
        "--embedding.word-dropout 0.1 --stack.input-dropout 0.4 --stack.dropout 0.5",
        "span_f1", Published("96.2", REFINE, 0.9622),
    ),
    "atis/intents": row(
        "ATIS, intents, a classifier", "atis_intents",
        f"text_classification {three('atis', *(f'{part}.intent.tsv' for part in ('train', 'valid', 'test')))} "
        "--text 1 --label 0",
        "accuracy", Published("97.1", REFINE, 0.9711),
    ),
    "atis/joint_slots": row(
        "ATIS, slots, one model for both", "atis_joint", JOINT, "span_f1", Published("96.2", REFINE, 0.9622),
        prepare=with_intents,
    ),
    "atis/joint_intents": row(
        "ATIS, intents, one model for both", "atis_joint", JOINT, "accuracy", Published("97.1", REFINE, 0.9711),
        prepare=with_intents,
    ),
    "imdb": row(
        "imdb, accuracy", "imdb", "sentiment --data {data}/imdb/train.tsv.gz --test {data}/imdb/test.tsv.gz", "accuracy",
        Published("92.8, with 50,000 unlabelled reviews more", "Dai and Le 2015, SA-LSTM", 0.9276),
    ),
    "imdb/naive_bayes": Row(
        "imdb, accuracy of the naive Bayes-weighted linear baseline", "accuracy", naive_bayes,
        Published("91.2", "Wang and Manning 2012, table 2, NBSVM-bi", 0.912),
    ),
    "rt_polarity": row(
        "Rotten Tomatoes, accuracy", "rt_polarity",
        f"sentiment {three('rt_polarity', 'train.tsv', 'valid.tsv', 'test.tsv')}", "accuracy",
        Published("83.3, with unlabelled reviews; another split", "Dai and Le 2015, SA-LSTM", 0.833),
    ),
    "names": row(
        "WNUT-17, span F1; without vectors", "names",
        f"tagging {three('wnut17', 'train.conll', 'valid.conll', 'test.conll')} --output crf", "span_f1",
        Published("49.5, with vectors and a language model", "Flair, EXPERIMENTS.md", 0.4949),
    ),
    "tinyshakespeare": row(
        "tinyshakespeare's last tenth, nats a character", "tinyshakespeare",
        "language_model --data {out}/tinyshakespeare_train.txt --valid {out}/tinyshakespeare_valid.txt "
        "--test {out}/tinyshakespeare_test.txt --embedding.units 64 --embedding.dropout 0.1 --stack.cell lstm "
        "--stack.units 512 --stack.units 512 --stack.dropout 0.5 --training.weight-drop 0.4 --training.ema 0.999 "
        "--training.learning-rate 3e-3 --training.warmup-steps 100 --training.epochs 40",
        "nats_per_symbol",
        Published("1.470, which chose its step, on windows that start cold", "nanoGPT's README, 6 layers", 1.4697),
        prepare=shakespeare_parts,
    ),
    "multi30k/attention": row("multi30k, English to German, flickr 2016, BLEU, cased", "multi30k", MULTI30K, "bleu"),
    "multi30k/none": row(
        "the same without attention", "multi30k_none", f"{MULTI30K} --attention.kind none", "bleu"
    ),
    "addition": row(
        "sums of two numbers of 3 digits, whole answers", "addition",
        "programs --task addition --length 3 --curriculum baseline --rows 40000 --training.epochs 30", "exact_match",
        Published("99 of two numbers of 9 digits", "Zaremba and Sutskever 2014"),
    ),
    **{
        f"ablation/{name}": row(
            f"utkinect, frame accuracy, {name}, `{cell}`", f"ablation_{cell}", f"{FRAMES} --stack.cell {cell}",
            "frame_accuracy", Published(found, GREFF),
        )
        for cell, (name, found) in VARIANTS.items()
    },
}  # fmt: skip
