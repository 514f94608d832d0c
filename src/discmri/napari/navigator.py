"""The position of a reader in a session: current case and disc, and the next ones."""

from __future__ import annotations

from discmri.core.levels import DiscLevel
from discmri.napari.worklist import WorkRow, discs_done, first_open, work_rows
from discmri.reading import CaseView, DiscView, Session


class Navigator:
    """Position of one reader in a session, and the last notice."""

    def __init__(self, session: Session) -> None:
        self.session = session
        cases = session.cases
        self.items = tuple(case.item for case in cases)
        self._done = {case.item: discs_done(case) for case in cases}
        self._discs = {case.item: len(case.discs) for case in cases}
        self._notice, self._alarm = "", False
        first = session.next_case() or cases[0]
        self.item = first.item
        self.key = first_open(first)

    def arrive(self) -> None:
        """Called after each change of the current disc."""

    def select(self, key: DiscLevel) -> None:
        """Go to a disc of the case."""
        self.key = key
        self.arrive()

    @property
    def case(self) -> CaseView:
        """Present state of the current case."""
        return self.session.case(self.item)

    @property
    def disc(self) -> DiscView:
        """Present state of the current disc."""
        return self.case.disc(self.key)

    @property
    def blinded(self) -> bool:
        """Whether the identity of the subject is hidden."""
        return not self.session.mode.shows_identity

    @property
    def wanted(self) -> tuple[str, ...]:
        """Cases to load: the current one, then the next."""
        upcoming = self.upcoming
        return (self.item,) if upcoming is None else (self.item, upcoming)

    @property
    def upcoming(self) -> str | None:
        """The case that will most likely be opened next."""
        found = self.session.next_case(self.item)
        if found is not None and found.item != self.item:
            return found.item
        place = self.items.index(self.item) + 1
        return self.items[place] if place < len(self.items) else None

    @property
    def neighbours(self) -> tuple[str, ...]:
        """The current case, and the cases before and after it."""
        place = self.items.index(self.item)
        return self.items[max(place - 1, 0) : place + 2]

    def step(self, by: int) -> None:
        """Go to the next disc caudally (1) or cranially (-1)."""
        keys = [disc.key for disc in self.case.discs]
        place = keys.index(self.key) + by
        if 0 <= place < len(keys):
            self.select(keys[place])
        else:
            self.notify("No more discs in this case; Page Up and Page Down change the case.")

    def turn(self, by: int) -> None:
        """Go to the next or previous case."""
        place = self.items.index(self.item) + by
        if 0 <= place < len(self.items):
            self.open(self.items[place])
        else:
            self.notify("There are no more cases.")

    def open(self, item: str) -> None:
        """Go to a case, to its first disc with something left to do."""
        self.item = item
        self.select(first_open(self.case))

    def _go_on(self) -> None:
        """Go to the next disc with something to do; those that were postponed come last."""
        keys = [disc.key for disc in self.case.discs]
        place = keys.index(self.key)
        round_trip = [*keys[place + 1 :], *keys[: place + 1]]
        left = {disc.key: disc for disc in self.case.left}
        here = sorted(left, key=lambda key: (left[key].postponed, round_trip.index(key)))
        following = self.session.next_case(self.item)
        sooner = following is not None and not following.postponed
        if here and not (left[here[0]].postponed and sooner):
            self.select(here[0])
        elif following is None:
            self.notify("All discs of this session are done.")
        else:
            self.open(following.item)

    def worklist(self, wanted: str) -> tuple[WorkRow, ...]:
        """Discs of the whole session that pass a filter of the worklist."""
        return work_rows(self.session.cases, wanted)

    def go_to(self, item: str, key: DiscLevel) -> None:
        """Go to a disc of any case."""
        self.item = item
        self.select(key)

    def notify(self, notice: str, alarm: bool = False) -> None:
        """Show a notice."""
        self._notice, self._alarm = notice, alarm

    def _count(self, item: str) -> None:
        """Update the counts of a case; go to its lowest disc if the current one is not read."""
        case = self.session.case(item)
        self._done[item], self._discs[item] = discs_done(case), len(case.discs)
        keys = [disc.key for disc in case.discs]
        if item == self.item and self.key not in keys:
            self.select(keys[-1])
