"""The grammar of the built-in tagged sentences: words with their tags, most of them nouns here and verbs there.

The notation is that of `grammars/reviews.toml`; each word is followed by a slash and its tag (Universal Dependencies' UPOS).
The sign says number: + is plural, - singular, so that "{+nouns}" are "watches , walks and plays" and "{+verbs}" what they
do, "watch , walk and play". "~" stands for an invented stem: its ending, or its capital, tells the tag of a word that nobody
has seen.

"They watch , walk and play" and "the watch , walk and play": what decides a word's tag may stand a dozen words before it,
among words that are as undecided. That is why neither a word nor its neighbours give the tag away.
"""

# fmt: off
BASE = (
    "watch", "walk", "play", "cook", "dance", "drink", "paint", "plan", "rest", "visit", "guard", "march", "ship",
    "book", "hunt", "dream", "call", "work", "talk", "fight", "race", "trade", "cut", "fish", "rule", "order",
    "report", "plant", "test", "design", "judge", "guide", "coach", "pilot", "nurse", "trick", "answer",
)


def _with_s(word: str) -> str:
    return word + ("es" if word.endswith(("ch", "sh")) else "s")


SENTENCE_RULES: dict[str, list[str]] = {
    "sentence": [
        "{+clause} ./PUNCT",
        "{-clause} ./PUNCT",
        "{when} ,/PUNCT {+clause} ./PUNCT",
        "{when} ,/PUNCT {-clause} ./PUNCT",
        "{+clause} and/CCONJ {+clause} ./PUNCT",
        "{-clause} ,/PUNCT but/CCONJ {+clause} ./PUNCT",
        "{-clause} because/SCONJ {+clause} ./PUNCT",
        "{+clause} while/SCONJ {-clause} ./PUNCT",
        "that/PRON is/AUX what/PRON {+subject} {+verbs} {when} ./PUNCT",
    ],
    "clause": [
        "{+subject} {+verbs} {how}",
        "{+subject} {+verbs} {when}",
        "{+subject} {how} {+verbs}",
        "{+subject} {will} {base_verbs} {when}",
        "{+subject} {+want} to/PART {base_verbs} {how}",
        "{+subject} {+like} {the} {-nouns} {when}",
        "{+subject} {+like} {the} {+nouns} {when}",
        "{+subject} {+like} {the} {-nouns} of/ADP {name}",
        "{+subject} {+like} neither/CCONJ {the} {-nouns} nor/CCONJ {the} {+nouns}",
        "{the} {+nouns} {+be} {what}",
        "{the} {+nouns} of/ADP {name} {+be} {what}",
        "{+subject} {+go} to/ADP {the} {-nouns} {when}",
    ],
    "+subject": [
        "they/PRON",
        "we/PRON",
        "you/PRON",
        "people/NOUN",
        "{name} and/CCONJ {name}",
        "the/DET {adj} men/NOUN",
    ],
    "-subject": ["he/PRON", "she/PRON", "{name}", "somebody/PRON", "the/DET {adj} man/NOUN", "everybody/PRON"],
    "verbs": [
        "{+verb}",
        "{+verb} and/CCONJ {+verb}",
        "{+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} and/CCONJ {+verb}",
        "{+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} or/CCONJ {+verb}",
        "{+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} and/CCONJ {+verb}",
        "{+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} ,/PUNCT {+verb} and/CCONJ {+verb}",
    ],
    "nouns": [
        "{+noun}",
        "{adj} {+noun}",
        "{+noun} and/CCONJ {+noun}",
        "{+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} and/CCONJ {+noun}",
        "{+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} or/CCONJ {+noun}",
        "{+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} and/CCONJ {+noun}",
        "{+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} ,/PUNCT {+noun} and/CCONJ {+noun}",
    ],
    "base_verbs": [
        "{base_verb}",
        "{base_verb} and/CCONJ {base_verb}",
        "{base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} and/CCONJ {base_verb}",
        "{base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} or/CCONJ {base_verb}",
        "{base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} and/CCONJ {base_verb}",
        "{base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} ,/PUNCT {base_verb} and/CCONJ {base_verb}",
    ],
    "+verb": [f"{word}/VERB" for word in BASE],
    "-verb": [f"{_with_s(word)}/VERB" for word in BASE],
    "+noun": [f"{_with_s(word)}/NOUN" for word in BASE],
    "-noun": [f"{word}/NOUN" for word in BASE],
    "base_verb": [f"{word}/VERB" for word in BASE],
    "+want": ["want/VERB", "hope/VERB", "mean/VERB", "learn/VERB"],
    "-want": ["wants/VERB", "hopes/VERB", "means/VERB", "learns/VERB"],
    "+like": ["like/VERB", "love/VERB", "forget/VERB", "~ise/VERB"],
    "-like": ["likes/VERB", "loves/VERB", "forgets/VERB", "~ises/VERB"],
    "+go": ["go/VERB", "return/VERB"],
    "-go": ["goes/VERB", "returns/VERB"],
    "+be": ["are/AUX", "were/AUX"],
    "-be": ["is/AUX", "was/AUX"],
    "will": ["will/AUX", "may/AUX", "can/AUX", "should/AUX", "must/AUX"],
    "the": ["the/DET", "his/DET", "our/DET", "{name} 's/PART", "no/DET", "some/DET"],
    "what": ["{adj}", "{adj} and/CCONJ {adj}", "{how} {adj}", "a/DET sign/NOUN of/ADP ~ness/NOUN"],
    "adj": ["~ous/ADJ", "~ful/ADJ", "good/ADJ", "old/ADJ", "new/ADJ", "long/ADJ", "cheap/ADJ", "quiet/ADJ"],
    "how": ["~ly/ADV", "~ly/ADV", "well/ADV", "often/ADV", "never/ADV", "with/ADP ~ness/NOUN", "for/ADP {name}"],
    "when": [
        "at/ADP night/NOUN",
        "in/ADP ~town/PROPN",
        "in/ADP {name}",
        "today/NOUN",
        "after/ADP the/DET {-noun}",
        "before/ADP the/DET {adj} {-noun}",
        "now/ADV",
        "when/SCONJ it/PRON rains/VERB",
    ],
    "name": ["~/PROPN", "~/PROPN", "~son/PROPN", "Ann/PROPN", "Tom/PROPN"],
}
