"""The grammar of the built-in requests: what is wanted, what is not, and words in slots.

The notation is that of `grammars/reviews.toml`; a word in a slot is followed by a slash and its tag, BIO and a role. A city
is where a trip starts, ends or passes through, a day one of leaving or of coming back, by the words around it alone: "the
boston to denver flight", "to denver from boston". "Do not cancel it but book another" and "do not book another but cancel
it" have the same words.
"""

# fmt: off
CITIES = (
    "boston", "denver", "dallas", "new york", "san jose", "san diego", "fort worth", "new orleans", "oakland", "seattle",
    "salt lake city", "atlanta", "memphis", "phoenix", "houston", "miami",
)
DAYS = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "monday morning", "friday night",
    "sunday evening", "the third of may", "tomorrow", "next week",
)
LINES = ("delta", "united", "american airlines", "northwest", "air canada")
WANTED = {
    "book": ("book", "reserve", "get me"),
    "cancel": ("cancel", "call off", "give back"),
    "find": ("show me", "list", "look up"),
    "price": ("tell me the price of", "check the fare of", "say what i pay for"),
    "change": ("change", "rebook", "move"),
}
# fmt: on
INTENTS = tuple(sorted(WANTED))


def _slots(role: str, texts: tuple[str, ...]) -> list[str]:
    """Each text with its words tagged."""
    return [
        " ".join(f"{word}/{'I' if place else 'B'}-{role}" for place, word in enumerate(text.split())) for text in texts
    ]


def _requests(intent: str) -> list[str]:
    """Ways to ask for one thing, in most of which another is named that is not wanted."""
    ways, do = [f"{{so}} {{do_{intent}}} {{trip}}"], f"{{so}} {{do_{intent}}}"
    for other in INTENTS:
        if other != intent:
            not_this = f"{{so}} {{do_{other}}}"
            ways += [
                f"do not {not_this} {{it}} but {do} {{trip}}",
                f"{do} {{trip}} , i did not ask you to {not_this} {{it}}",
                f"{do} {{it}} , do not {not_this} {{trip}}",
                f"rather than {not_this} {{trip}} {do} {{it}}",
            ]
    return ways


TRAVEL_RULES: dict[str, list[str]] = {
    "so": ["please", "now", "just", "simply", "kindly"],  # before either verb: no two words tell which is wanted
    "it": ["it", "that one", "the other one", "all of them", "{trip}"],
    "trip": [
        "{a} flight from {from} to {to}",
        "{a} flight to {to} from {from} {when}",
        "{a} flight to {to} {when}",
        "the {from} to {to} flight",
        "the {from} flight to {to} {when}",
        "the {line} flight {when}",
        "{a} {line} flight from {from} by way of {via} to {to}",
        "{a} flight to {to} through {via} {when}",
        "the one from {from} {when}",
    ],
    "a": ["a", "the", "my"],
    "when": [
        "on {leave}",
        "on {leave} and back on {back}",
        "coming back on {back}",
        "leaving {leave}",
        "that is back {back}",
    ],
    "from": _slots("from", CITIES),
    "to": _slots("to", CITIES),
    "via": _slots("via", CITIES),
    "leave": _slots("leave", DAYS),
    "back": _slots("back", DAYS),
    "line": _slots("line", LINES),
    **{f"do_{intent}": list(ways) for intent, ways in WANTED.items()},
    **{intent: _requests(intent) for intent in INTENTS},
}
