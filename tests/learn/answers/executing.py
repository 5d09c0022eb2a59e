"""Answers to the page on learning to execute; after each a mistake that is often made."""

import itertools


def naive_next(length, nesting, target_length, target_nesting):
    if length < target_length:
        return length + 1, nesting
    return (1, nesting + 1) if nesting < target_nesting else (length, nesting)


def wrong_naive_next(length, nesting, target_length, target_nesting):
    return min(length + 1, target_length), min(nesting + 1, target_nesting)


def by_position(targets, answers):
    shares = []
    for place in range(max(map(len, targets))):
        there = [(t, a) for t, a in zip(targets, answers, strict=True) if len(t) > place]
        shares.append(sum(a[place : place + 1] == t[place] for t, a in there) / len(there))
    return shares


def wrong_by_position(targets, answers):
    places = range(max(map(len, targets)))
    pairs = list(zip(targets, answers, strict=True))
    return [sum(t[p : p + 1] == a[p : p + 1] for t, a in pairs) / len(pairs) for p in places]


def carries(a, b):
    count = carry = 0
    for x, y in itertools.zip_longest(str(a)[::-1], str(b)[::-1], fillvalue="0"):
        carry = int(int(x) + int(y) + carry > 9)
        count += carry
    return count


def wrong_carries(a, b):
    return sum(int(x) + int(y) > 9 for x, y in zip(str(a)[::-1], str(b)[::-1], strict=False))
