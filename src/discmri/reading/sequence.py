"""Order of the cases and positions of the hidden repeats."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

from discmri.core.errors import UsageError
from discmri.reading.plan import Case, Order, Showing

MAX_REPEATS = 0.5
_REACH = 0.4  # repeated cases: first in this initial share, second in the final share
_ATTEMPTS = 200


def sequences(
    cases: Sequence[Case], readers: Sequence[str], order: Order, repeats: float, seed: int
) -> dict[str, tuple[Showing, ...]]:
    """Presentations in reading order, by reader.

    The same cases are repeated for every reader.  The second presentation of a case is at least a
    fifth of the session after the first.  Visits of one subject are not consecutive, if the session
    is long enough.  ``repeats`` is the share of cases to present twice, at least one case unless 0;
    ``UsageError`` outside 0 to 0.5.
    """
    if not 0 <= repeats <= MAX_REPEATS:
        raise UsageError(f"the share of repeats is {repeats:g}; give 0 to {MAX_REPEATS}")
    count = max(1, round(repeats * len(cases))) if repeats else 0
    repeated = random.Random(f"{seed}/repeats").sample([case.key for case in cases], count)
    subjects = {case.key: case.subject_id for case in cases}
    found = {}
    for reader in readers:
        name = reader if order is Order.PER_READER else "all"
        chance = random.Random(f"{seed}/order/{name}")
        if order is Order.AS_GIVEN:
            found[reader] = _as_given(cases, repeated)
        else:
            found[reader] = _shuffled(subjects, repeated, chance)
    return found


def _as_given(cases: Sequence[Case], repeated: Sequence[str]) -> tuple[Showing, ...]:
    """In the order of the folders; repeats at the end."""
    again = [Showing(case.key, 2) for case in cases if case.key in set(repeated)]
    return (*(Showing(case.key) for case in cases), *again)


def _shuffled(
    subjects: Mapping[str, str], repeated: Sequence[str], chance: random.Random
) -> tuple[Showing, ...]:
    """Of many random arrangements, the one with the fewest consecutive visits of one subject."""
    best: tuple[Showing, ...] = ()
    fewest = len(subjects) + len(repeated) + 1
    for _ in range(_ATTEMPTS):
        arranged = _arranged(list(subjects), repeated, chance)
        neighbours = sum(
            subjects[one.case] == subjects[two.case] for one, two in itertools.pairwise(arranged)
        )
        if neighbours < fewest:
            best, fewest = arranged, neighbours
        if fewest == 0:
            break
    return best


def _arranged(
    keys: list[str], repeated: Sequence[str], chance: random.Random
) -> tuple[Showing, ...]:
    """One random arrangement: repeated cases first, then the others in the remaining places."""
    total = len(keys) + len(repeated)
    reach = max(len(repeated), int(_REACH * total))
    first = chance.sample(range(reach), len(repeated))
    last = chance.sample(range(total - reach, total), len(repeated))
    places = {n: Showing(key) for n, key in zip(first, repeated, strict=True)}
    places |= {n: Showing(key, 2) for n, key in zip(last, repeated, strict=True)}
    once = [key for key in keys if key not in set(repeated)]
    chance.shuffle(once)
    others = iter(once)
    return tuple(places[n] if n in places else Showing(next(others)) for n in range(total))
