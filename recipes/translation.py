"""Translation: a text in, a text in another language out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack

from seqkit.core.arguments import RunOptions, Source, recipe, without_attention
from seqkit.core.errors import InputError
from seqkit.core.settings import DECODER, Attention, Embedding, Search, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run


@recipe(
    task="seqkit.tasks.translation:Translation",
    least={"vocabulary_size": 5, "min_count": 1, "max_length": 1},
    reads=DECODER | {"search.n_best"},
    unread=without_attention,
    first=(
        "data",
        "source",
        "target",
        "test",
        "out",
        "unit",
        "encoder.units",
        "decoder.units",
        "attention.kind",
        "training.epochs",
    ),
)
def translation(
    data: Source = None,
    *,
    source: str = "source",
    target: str = "target",
    unit: Literal["subword", "unigram", "marked_word", "whitespace", "symbol"] = "subword",
    lowercase: bool = False,
    vocabulary_size: int = 6000,
    shared_vocabulary: bool = False,
    min_count: int = 1,
    max_length: int = 100,
    tied: bool = True,
    shared_embedding: bool = False,
    embedding: Embedding = Embedding(units=256, dropout=0.2),
    encoder: Stack = Stack(cell="gru", units=(256,), bidirectional=True, dropout=0.3),
    decoder: Stack = Stack(cell="gru", units=(256,), dropout=0.3),
    attention: Attention = Attention(),
    search: Search = Search(),
    training: Training = Training(
        epochs=15, batch_size=64, learning_rate=2e-3, schedule="cosine", warmup_steps=200, label_smoothing=0.1
    ),
    **run: Unpack[RunOptions],
) -> Run:
    """Learn to translate: an encoder reads the source, a decoder writes the target.

    Args:
        data: Training pairs: the prefix of two files of lines (multi30k/train with source en and target de), a table,
            tfds:NAME, or in Python (sources, targets); nothing for built-in pairs of numbers and dates spelled out in
            English and German.
        source: Suffix of the file, or column, of the texts to translate.
        target: Suffix or column of their translations.
        unit: What is read and written: a subword, learned by merging neighbours (BPE) or as the pieces of a unigram model
            (Kudo 2018), a word or a symbol; each gives case and punctuation back.
        lowercase: Whether case is folded, on both sides.
        vocabulary_size: Units to know on each side.
        shared_vocabulary: Learn one vocabulary for both sides.
        min_count: How often a word or symbol must occur in the training texts to be known.
        max_length: Training pairs with more units on a side are left out, which is said.
        tied: Use the decoder's embedding for the output too (Press and Wolf 2017), where it is as wide as the decoder.
        shared_embedding: Use one embedding on both sides, and with `tied` for the output too, where they share a vocabulary.
        embedding: How units become vectors, on both sides.
        encoder: The recurrent layers that read.
        decoder: The recurrent layers that write, in one direction.
        attention: How the decoder looks at what the encoder read.
        search: How a translation is looked for.
        training: How the weights are moved.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import translation
        >>> pairs = (["one", "two", "three", "four"] * 8, ["eins", "zwei", "drei", "vier"] * 8)
        >>> tiny = {"encoder": one_layer, "decoder": one_layer, "search": Search(beam=1, longest=5)}
        >>> run = translation(pairs, unit="marked_word", out="numbers", **tiny, **small)
        >>> sorted(run.predict(["two"])[0])
        ['score', 'translation']
    """
    arguments = locals()
    from seqkit.corpora.number_words import number_words
    from seqkit.runs.builder import RunBuilder
    from seqkit.sources.parallel import read_parallel
    from seqkit.sources.stored import chained
    from seqkit.tasks.translation import Translation, build_translator
    from seqkit.tasks.written import COPIED

    if tied and embedding.units != decoder.units[-1]:
        raise InputError(
            f"tied needs an embedding as wide as the decoder: give embedding.units {decoder.units[-1]}, or leave tied off."
        )
    if attention.copying and not shared_vocabulary:
        raise InputError(
            "attention.copying is on without shared_vocabulary, but what is copied must mean the same on both sides: turn "
            "both on, or none."
        )
    if search.replace_unknown and (unit not in COPIED or attention.kind == "none"):
        raise InputError(
            f"search.replace_unknown is on with unit {unit} and attention.kind {attention.kind}, but what is replaced are "
            "words, by what was looked at: choose unit marked_word or whitespace and attention, or leave it off."
        )
    if search.replace_unknown and encoder.pyramidal:
        raise InputError(
            "search.replace_unknown is on with encoder.pyramidal, where a place is several words: leave one of them off."
        )
    if shared_embedding and not shared_vocabulary:
        raise InputError(
            "shared_embedding needs one vocabulary for both sides: turn shared_vocabulary on, or leave shared_embedding off."
        )
    columns = {"source": source, "target": target}
    with RunBuilder(translation, arguments) as making:
        splits = making.splits(columns, builtin=lambda: number_words(seed=0), reader=read_parallel)
        texts = {field: splits.train[field] for field in ("source", "target")}
        vocabularies = [
            splits.vocabulary(
                side, own, unit=unit, lowercase=lowercase, vocabulary_size=vocabulary_size, min_count=min_count
            )
            for side, own in ({"both": chained(list(texts.values()))} if shared_vocabulary else texts).items()
        ]
        task = Translation(columns, vocabularies[0], vocabularies[-1], search.of_run(run["seed"]), max_length)
        model = build_translator(task, embedding, encoder, decoder, attention, tied=tied, shared=shared_embedding)
        return making.done(task, model, splits)
