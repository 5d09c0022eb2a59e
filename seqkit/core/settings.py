"""Embedding, Stack, Attention, Search and Training: what a user may set, checked as it is made.

No TensorFlow is imported here, so that `seqkit --help` answers at once.
"""

import dataclasses
from typing import ClassVar, Literal, Self

from seqkit.core.bounds import at_least, check_sampling, check_seed, one_of, share
from seqkit.core.cell_names import Cell
from seqkit.core.errors import InputError
from seqkit.core.registry import cells
from seqkit.core.typed import check_fields

RecurrentInitializer = Literal["orthogonal", "identity"]
Pooling = Literal["last", "mean", "max", "attention"]
Scheme = Literal["data", "bio", "iob1", "bioes", "bilou", "bmes", "ioe1", "ioe2"]  # of tags
AttentionKind = Literal["none", "additive", "multiplicative"]
Optimizer = Literal["adam", "adamw", "sgd", "rmsprop"]
Schedule = Literal["constant", "cosine", "slanted"]
ClassWeights = Literal["none", "balanced"]
Precision = Literal["float32", "mixed_bfloat16"]
Exercise = Literal["programs", "addition", "copying"]
AnswerAs = Literal["class", "text"]
CurriculumKind = Literal["baseline", "naive", "mix", "combined"]
SPECIAL = (  # settings that a recipe has to say that it reads
    "embedding.vectors",
    "training.class_weights",
    "training.label_smoothing",
    "training.ar",
    "training.tar",
    "training.attention_penalty",
    "training.scheduled_sampling",
    "training.sampled",
    "training.r_drop",
    "search.n_best",
)
# What a choice among classes reads,
CLASSES = frozenset({"training.class_weights", "training.label_smoothing", "training.r_drop"})
IN_STEP = frozenset({"training.ar", "training.tar"})  # an answer at every step,
DECODER = frozenset(
    {"training.label_smoothing", "training.attention_penalty", "training.scheduled_sampling", "training.r_drop"}
)  # a decoder


@dataclasses.dataclass(frozen=True)
class Embedding:
    """How token ids become vectors.

    Attributes:
        files: Fields that name files.
        units: Width of a token's vector. With `vectors` the file decides.
        vectors: Text file of pretrained vectors (GloVe, fastText or word2vec), one token and its numbers a line.
        trainable: Whether training moves the vectors.
        dropout: Share of vector components dropped, the same ones at every step (Gal and Ghahramani 2016).
        word_dropout: Share of whole words dropped.
    Example:
        >>> seqkit.Embedding(units=64, word_dropout=0.1)
        Embedding(units=64, vectors=None, trainable=True, dropout=0.0, word_dropout=0.1)
    """

    files: ClassVar[frozenset[str]] = frozenset({"vectors"})

    units: int = 128
    vectors: str | None = None
    trainable: bool = True
    dropout: float = 0.0
    word_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "embedding")
        at_least("embedding.units", self.units, 1)
        share("embedding.dropout", self.dropout)
        share("embedding.word_dropout", self.word_dropout)

    def unread(self) -> dict[str, str]:
        """Field -> what makes it count for nothing."""
        return {} if self.vectors is None else {"units": "an embedding with vectors, whose file decides,"}


@dataclasses.dataclass(frozen=True)
class Stack:
    """Recurrent layers, one on the other.

    Attributes:
        cell: The recurrence: a name in seqkit.recurrence.cells; one that a user has registered there or a package declares
            (entry points seqkit.cells); or a path, my_module:leaky.
        units: Width of each layer, from the input up; as many layers as numbers.
        bidirectional: Run every layer both ways; its output is then twice as wide.
        residual: Add each layer's input to its output, from the layer `residual_from` on.
        residual_from: The first layer of which that is so, counted from 1; the third in Wu et al. 2016.
        layer_norm: Normalise between layers (Ba et al. 2016).
        input_dropout: Share of the stack's input components dropped.
        dropout: Share of components dropped between layers and after the last.
        locked: Whether both dropouts take the same components at every step of a row (Gal and Ghahramani 2016); where
            "max" pooling makes a row's one label, and no tags beside it, they always do.
        recurrent_initializer: "orthogonal" (Saxe et al. 2014), or "identity" as in an IRNN (Le, Jaitly and Hinton 2015).
        pyramidal: Let each layer after the first read its input in pairs of steps, so that it has half as many (Chan et al.
            2016); for what reads a sequence and doesn't answer at every step of it.
        heads: Parts of each layer's units that don't see each other's past: the recurrent matrix is block-diagonal.
    Example:
        >>> stack = seqkit.Stack(cell="gru", units=(64, 32), bidirectional=True)
        >>> stack.width
        64
    """

    cell: Cell | str = "lstm"
    units: tuple[int, ...] = (64,)
    bidirectional: bool = False
    residual: bool = False
    residual_from: int = 2
    layer_norm: bool = False
    input_dropout: float = 0.0
    dropout: float = 0.0
    locked: bool = False
    recurrent_initializer: RecurrentInitializer = "orthogonal"
    pyramidal: bool = False
    heads: int = 1

    def __post_init__(self) -> None:
        check_fields(self, "stack")
        if self.cell not in cells and ":" not in self.cell:
            one_of("stack.cell", self.cell, Cell, *cells.names())
        one_of("stack.recurrent_initializer", self.recurrent_initializer, RecurrentInitializer)
        if not self.units:
            raise InputError("stack.units is empty: give one width a layer, such as (64, 64).")
        for units in self.units:
            at_least("stack.units", units, 1)
        at_least("stack.heads", self.heads, 1)
        if odd := [units for units in self.units if units % self.heads]:
            raise InputError(
                f"stack.heads is {self.heads} with stack.units {self.units}, but {odd[0]} units don't come out even: give "
                f"multiples of {self.heads}."
            )
        at_least("stack.residual_from", self.residual_from, 2)
        if self.residual and len(set(self.units[self.residual_from - 2 :])) > 1:
            raise InputError(
                f"stack.units is {self.units} with residual connections: give every layer the same width, from number "
                f"{self.residual_from - 1} on."
            )
        if self.pyramidal and len(self.units) == 1:
            raise InputError(
                f"stack.pyramidal is on with stack.units {self.units}, with no layer after the first: give more widths."
            )
        if self.pyramidal and self.residual:
            raise InputError(
                "stack.pyramidal and stack.residual are both on, but what is read in pairs can't be added to what is said: "
                "leave one of them off."
            )
        share("stack.input_dropout", self.input_dropout)
        share("stack.dropout", self.dropout)

    def unread(self) -> dict[str, str]:
        """Field -> what makes it count for nothing."""
        unlocked = {} if self.input_dropout or self.dropout else {"locked": "a stack without dropout"}
        return unlocked | ({} if self.residual else {"residual_from": "a stack without residual connections"})

    def layer_name(self, number: int) -> str:
        """Of a layer: its cell, without the module that it may come from, and its number."""
        return f"{self.cell.rpartition(':')[2]}_{number}"

    @property
    def width(self) -> int:
        """Width of the top layer's output."""
        return self.units[-1] * (2 if self.bidirectional else 1)

    @property
    def stride(self) -> int:
        """How many steps of the input there are to one of the top layer's output."""
        return 2 ** (len(self.units) - 1) if self.pyramidal else 1


@dataclasses.dataclass(frozen=True)
class Attention:
    """How a decoder looks at what was encoded.

    Attributes:
        kind: "additive" scores a place by v . tanh(W_m m + W_h h) (Bahdanau et al. 2015), "multiplicative" by h . W_m m
            (Luong et al. 2015); with "none" the decoder knows the source by its first state alone (Sutskever et al. 2014).
        units: Width of the scores' sum for the additive kind; 0 for the decoder's width.
        feeding: Whether the next step's input holds what was attended to (input feeding, Luong et al. 2015). The decoder's
            first layer attends then, otherwise what stands over its last.
        copying: Whether a symbol of the source may be written by the attention that it gets (See et al. 2017); both sides
            need one vocabulary then.
        coverage: Whether the additive scores know how much each place was looked at before (Tu et al. 2016), which needs
            feeding.
    Example:
        >>> seqkit.Attention(kind="additive", feeding=True)  # Bahdanau's scores, in Luong's decoder
        Attention(kind='additive', units=0, feeding=True, copying=False, coverage=False)
    """

    kind: AttentionKind = "multiplicative"
    units: int = 0
    feeding: bool = False
    copying: bool = False
    coverage: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "attention")
        one_of("attention.kind", self.kind, AttentionKind)
        at_least("attention.units", self.units, 0)
        for name in ("feeding", "copying"):
            if getattr(self, name) and self.kind == "none":
                raise InputError(
                    f"attention.{name} is on with attention.kind none, which looks at nothing: choose another kind."
                )
        if self.coverage and not (self.feeding and self.kind == "additive"):
            raise InputError(
                f"attention.coverage is on with kind {self.kind} and feeding {self.feeding}, but it is for additive scores "
                "in the recurrence: choose attention.kind additive with attention.feeding."
            )
        if self.feeding and self.units:
            raise InputError(
                f"attention.units is {self.units} with attention.feeding on, which scores in the decoder's width: "
                "leave it 0."
            )

    def unread(self) -> dict[str, str]:
        """Field -> what makes it count for nothing."""
        return {} if self.kind == "additive" else {"units": f"attention of kind {self.kind}"}


@dataclasses.dataclass(frozen=True)
class Search:
    """How answers are looked for, or, with a temperature, drawn.

    Attributes:
        beam: Hypotheses kept from step to step; 1 is greedy.
        length_penalty: 0 scores a hypothesis by its log-probability, for which short ones are ahead; 1 by nearly that of a
            symbol (Wu et al. 2016).
        coverage_penalty: What a place costs that was hardly looked at (the same).
        no_repeat: No run of so many symbols comes twice; 0 for no such rule.
        shortest: Symbols of an answer at least.
        longest: Symbols of an answer at most.
        ratio: And at most so many times the symbols of what is answered, and 10 more; 0 for no such bound.
        n_best: How many answers to show, the best first; of those drawn, each independently of the others, as they come.
        temperature: Above 0 answers are drawn, from softmax(logits / temperature): below 1 likelier ones. Beam and penalties
            count for nothing then, and scores are log-probabilities.
        top_k: Draw from so many of the most likely symbols; 0 for all (Fan et al. 2018).
        top_p: Draw from the fewest symbols that have this share of the probability (Holtzman et al. 2020).
        replace_unknown: Let the unknown word be written, and put in its place the word of the source that was looked at most
            (Luong et al. 2015b); for words, and with attention.
        seed: Of the draws, with which the same input is given the same answer; nothing for the run's.
    Example:
        >>> greedy, drawn = seqkit.Search(beam=1), seqkit.Search(temperature=0.8, top_p=0.9, n_best=3, seed=1)
        >>> drawn.unread()
        {'beam': 'a search with temperature 0.8', 'length_penalty': 'a search with temperature 0.8'}
    """

    plays: ClassVar[str] = "answers"  # and not in training: seqkit.core.arguments.Plays

    beam: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    no_repeat: int = 0
    shortest: int = 0
    longest: int = 200
    ratio: float = 2.0
    n_best: int = 1
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    replace_unknown: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "search")
        for name, bound in {"beam": 1, "longest": 1, "n_best": 1}.items():
            at_least(f"search.{name}", getattr(self, name), bound)
        for name in ("length_penalty", "coverage_penalty", "no_repeat", "shortest", "ratio"):
            at_least(f"search.{name}", getattr(self, name), 0)
        check_sampling(self.temperature, self.top_k, self.top_p, prefix="search.")
        if self.seed is not None:
            check_seed("search.seed", self.seed)
        if not self.temperature and self.n_best > self.beam:
            raise InputError(
                f"search.n_best is {self.n_best} with a beam of {self.beam}: a beam finds as many as it is wide."
            )
        if not self.temperature and (self.top_k or self.top_p < 1):
            raise InputError(
                f"search.top_k is {self.top_k} and search.top_p {self.top_p} with search.temperature 0, where nothing is "
                "drawn: give a temperature, such as 1."
            )
        if self.temperature and self.coverage_penalty:
            raise InputError(
                f"search.coverage_penalty is {self.coverage_penalty} with search.temperature {self.temperature}: nothing is "
                "looked for where answers are drawn; leave one of them 0."
            )

    def unread(self) -> dict[str, str]:
        """Field -> what makes it count for nothing."""
        short = {} if self.shortest <= self.longest else {"shortest": f"a search with longest {self.longest}"}
        if self.temperature:
            names, why = ("beam", "length_penalty"), f"a search with temperature {self.temperature}"
        elif self.beam == 1:
            names, why = ("length_penalty", "coverage_penalty"), "a greedy search (beam 1)"
        else:
            return short | {"seed": "a search without a temperature"}
        return short | dict.fromkeys(names, why) | ({} if self.temperature else {"seed": why})

    def of_run(self, seed: int) -> Self:
        """With the run's seed for its draws, where it has none of its own."""
        return self if self.seed is not None else dataclasses.replace(self, seed=seed)


@dataclasses.dataclass(frozen=True)
class Training:
    """How weights are moved.

    Attributes:
        elsewhere: Fields that play no part in what comes of a training.
        epochs: Passes over the training data (or stretches of one); what is scored and chosen among is the end of each.
        epoch_steps: Steps of an epoch at least: of few rows it passes over them so often, each time in another order. 0 for
            one pass, however short.
        max_epoch_steps: Steps of an epoch at most: of very many rows the next one goes on where it ended. 0 for one pass,
            however long.
        batch_size: Rows a step.
        batch_tokens: Steps of a batch at most, its rows times its width, in place of `batch_size`; of a model that reads and
            writes, on each side. A longer row is a batch by itself.
        optimizer: Keras's optimizer of that name.
        learning_rate: Step size, after the warm-up.
        weight_decay: Decoupled weight decay (Loshchilov and Hutter 2019); Keras's default is 0.004 for adamw, else none.
        warmup_steps: Steps over which the learning rate rises from nothing; with a slanted schedule 0 is a tenth of all.
        schedule: "constant", "cosine" down to zero over all epochs (Loshchilov and Hutter 2017), or "slanted": up, and then
            down along a line, to a 32nd (Howard and Ruder 2018).
        plateau_patience: Halve the learning rate after so many epochs without a better `monitor`.
        global_clipnorm: Scale all gradients together down to this norm (Pascanu et al. 2013); 0 for no clipping.
        clipnorm: Scale each variable's gradient down to this norm.
        clipvalue: Cut each gradient component to this size.
        monitor: The validation figure that chooses the epoch whose weights are kept: val_loss, val_accuracy, or a headline
            metric of the recipe, such as macro_f1 or bleu, scored as the report scores it after each epoch. Nothing for what
            the verdict looks at first, or, where that would need a search, what goes with it and costs none. Of equal
            epochs the one with the lower val_loss is the better one.
        patience: Stop after so many epochs without a better `monitor`.
        ema: Momentum of averaged weights (Polyak and Juditsky 1992), which are then scored and kept; 0 for none.
        label_smoothing: Share of the target spread over all classes (Szegedy et al. 2016).
        class_weights: "balanced" weighs each class by the inverse of its frequency.
        weight_drop: Share of recurrent weights dropped in each step (Merity et al. 2018).
        ar: Weight of the mean square of the stack's dropped-out output, added to the loss (Merity et al. 2017).
        tar: Weight of the mean square of its output's change from step to step, likewise.
        attention_penalty: Weight of how unevenly a decoder looks at the places, added to the loss (Xu et al. 2015).
        scheduled_sampling: Share of the symbols before the next that are a decoder's own, at the end of training; it rises
            from nothing (Bengio et al. 2015).
        sampled: Symbols, drawn in each step, against which a language model learns the right one, in place of all of its
            vocabulary (sampled softmax, Bengio and Senecal 2008): the way to large vocabularies. The loss that is printed of
            training is an estimate then; validation, scores and exports are over all. 0 for all, as of a smaller vocabulary.
        r_drop: How much it costs that two passes over a batch, each with its own dropout, choose otherwise: alpha of R-Drop
            (Liang et al. 2021), whose loss is halved here, so that it is the mean of both passes'. A step takes twice as
            long; 0 for one pass.
        precision: Keras's dtype policy.
        checkpoint_minutes: Save the state of the training when so many minutes have passed since it was saved. It is saved
            at the end of each epoch's steps too, and as the training is stopped; 0 for then alone.
        checkpoint_steps: And after so many steps; nothing for by the clock alone.
    Example:
        >>> training = seqkit.Training(epochs=20, schedule="cosine", warmup_steps=100, patience=3)
        >>> training.optimizer, training.learning_rate, training.global_clipnorm
        ('adam', 0.001, 1.0)
    """

    elsewhere: ClassVar[frozenset[str]] = frozenset({"checkpoint_minutes", "checkpoint_steps"})

    epochs: int = 5
    epoch_steps: int = 0
    max_epoch_steps: int = 0
    batch_size: int = 32
    batch_tokens: int | None = None
    optimizer: Optimizer = "adam"
    learning_rate: float = 1e-3
    weight_decay: float | None = None
    warmup_steps: int = 0
    schedule: Schedule = "constant"
    plateau_patience: int | None = None
    global_clipnorm: float = 1.0
    clipnorm: float = 0.0
    clipvalue: float = 0.0
    monitor: str | None = None
    patience: int | None = None
    ema: float = 0.0
    label_smoothing: float = 0.0
    class_weights: ClassWeights = "none"
    weight_drop: float = 0.0
    ar: float = 0.0
    tar: float = 0.0
    attention_penalty: float = 0.0
    scheduled_sampling: float = 0.0
    sampled: int = 0
    r_drop: float = 0.0
    precision: Precision = "float32"
    checkpoint_minutes: float = 10.0
    checkpoint_steps: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "training")
        one_of("training.optimizer", self.optimizer, Optimizer)
        one_of("training.schedule", self.schedule, Schedule)
        one_of("training.class_weights", self.class_weights, ClassWeights)
        one_of("training.precision", self.precision, Precision)
        for name in ("epochs", "batch_size"):
            at_least(f"training.{name}", getattr(self, name), 1)
        for name in ("batch_tokens", "patience", "plateau_patience", "checkpoint_steps"):
            if getattr(self, name) is not None:
                at_least(f"training.{name}", getattr(self, name), 1)
        if self.weight_decay is not None:
            at_least("training.weight_decay", self.weight_decay, 0)
        for name in (
            "epoch_steps",
            "max_epoch_steps",
            "warmup_steps",
            "global_clipnorm",
            "clipnorm",
            "clipvalue",
            "ar",
            "tar",
            "attention_penalty",
            "sampled",
            "r_drop",
            "checkpoint_minutes",
        ):
            at_least(f"training.{name}", getattr(self, name), 0)
        if 0 < self.max_epoch_steps < self.epoch_steps:
            raise InputError(
                f"training.max_epoch_steps is {self.max_epoch_steps} with training.epoch_steps {self.epoch_steps}: an epoch "
                "can't have fewer steps at most than it has at least."
            )
        for name in ("ema", "label_smoothing", "weight_drop", "scheduled_sampling"):
            share(f"training.{name}", getattr(self, name))
        if not self.learning_rate > 0:
            raise InputError(f"training.learning_rate is {self.learning_rate}: give a number above 0.")
        if sum(bound > 0 for bound in (self.global_clipnorm, self.clipnorm, self.clipvalue)) > 1:
            raise InputError(
                f"training.global_clipnorm is {self.global_clipnorm}, clipnorm {self.clipnorm}, clipvalue "
                f"{self.clipvalue}: use one kind of clipping and set the others to 0."
            )
        if self.sampled and self.label_smoothing:
            raise InputError(
                f"training.sampled is {self.sampled} with training.label_smoothing {self.label_smoothing}, which "
                "spreads over all symbols: leave one of them at 0."
            )
        if self.sampled and self.r_drop:
            raise InputError(
                f"training.sampled is {self.sampled} with training.r_drop {self.r_drop}, which compares the probabilities "
                "of all symbols: leave one of them at 0."
            )
        if self.plateau_patience and (self.schedule != "constant" or self.warmup_steps):
            raise InputError(
                "training.plateau_patience needs schedule 'constant' and no warm-up: use one or the other."
            )
