"""Sources, vocabulary, pipelines and the built-in corpora."""

from seqkit.data.builtin import reviews, sentences
from seqkit.data.byte_pairs import BytePairs
from seqkit.data.corpora import hold_out_end, read_corpus, topics
from seqkit.data.courses import Course
from seqkit.data.films import Footage, film_of, joined, turned
from seqkit.data.forcing import forced, paired, unforced
from seqkit.data.labels import UNSEEN, encode_labels, learn_classes
from seqkit.data.lexicon import Lexicon, split
from seqkit.data.media import Recording, open_recordings, read_recordings, recordings
from seqkit.data.moving_digits import moving_digits
from seqkit.data.parallel import read_parallel
from seqkit.data.pictures import Picture, hold_out_pictures, read_captioned, read_pictured, shared
from seqkit.data.pipelines import Pipeline, Shared, boundaries
from seqkit.data.programs import Curriculum, drawn, programs
from seqkit.data.ragged import Ragged
from seqkit.data.scenes import asked_scenes, described_scenes
from seqkit.data.sources import Examples, hold_out, read
from seqkit.data.spelled import spelled
from seqkit.data.splits import Splits, read_splits
from seqkit.data.subwords import Subwords
from seqkit.data.unigram import Unigram
from seqkit.data.vectors import read_vectors
from seqkit.data.vocabulary import (
    BEGIN,
    END,
    PADDING,
    UNKNOWN,
    Splitter,
    Tokens,
    Vocabulary,
    learn_vocabulary,
    tokenise,
)
from seqkit.data.windows import Windows

__all__ = [
    "BEGIN",
    "END",
    "PADDING",
    "UNKNOWN",
    "UNSEEN",
    "BytePairs",
    "Course",
    "Curriculum",
    "Examples",
    "Footage",
    "Lexicon",
    "Picture",
    "Pipeline",
    "Ragged",
    "Recording",
    "Shared",
    "Splits",
    "Splitter",
    "Subwords",
    "Tokens",
    "Unigram",
    "Vocabulary",
    "Windows",
    "asked_scenes",
    "boundaries",
    "described_scenes",
    "drawn",
    "encode_labels",
    "film_of",
    "forced",
    "hold_out",
    "hold_out_end",
    "hold_out_pictures",
    "joined",
    "learn_classes",
    "learn_vocabulary",
    "moving_digits",
    "open_recordings",
    "paired",
    "programs",
    "read",
    "read_captioned",
    "read_corpus",
    "read_parallel",
    "read_pictured",
    "read_recordings",
    "read_splits",
    "read_vectors",
    "recordings",
    "reviews",
    "sentences",
    "shared",
    "spelled",
    "split",
    "tokenise",
    "topics",
    "turned",
    "unforced",
]
