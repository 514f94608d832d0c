"""Power and false positives of a planned trial, by simulation.

Tables of values are simulated (:mod:`discmri.simulation.tables`) and analysed like those of real
trials, with all rules: noise bands, tests, responders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from discmri.core.files import atomic_folder, resolved
from discmri.core.pages import render
from discmri.core.progress import ProgressCallback
from discmri.results.export.csv_wide import write_table
from discmri.results.names import titled
from discmri.simulation.tables import TableDesign, draw_table
from discmri.trial.analysis import Analysis, analyse
from discmri.trial.change import Verdict
from discmri.trial.declaration import default_declaration
from discmri.trial.drawn import ACTIVE, CONTROL, drawn_courses, visit_names
from discmri.trial.inference import ALPHA
from discmri.trial.responders import Response


@dataclass(frozen=True)
class Rates:
    """Frequencies of results in simulated trials, 0 to 1."""

    effect: float  # true mean change of treated discs in the active arm
    trials: int  # number of simulated trials
    rejected: float  # trials with primary p ≤ 0.05: power, or false positives if the effect is 0
    beyond_treated: float  # treated discs of the active arm beyond noise at the last visit
    beyond_others: float  # all other discs beyond noise at the last visit
    responders: float  # responders among treated discs of the active arm
    any_beyond: float  # trials with at least one treated disc beyond noise at any visit

    @property
    def sampling(self) -> float:
        """Half width of the 95 % interval of :attr:`rejected`."""
        return float(1.96 * np.sqrt(self.rejected * (1 - self.rejected) / self.trials))


def rates(
    design: TableDesign,
    trials: int,
    seed: int = 0,
    parameter: str = "height_mm",
    hours: float = 0.0,
) -> Rates:
    """Simulate and analyse trials of one design; later visits are ``hours`` later in the day."""
    names = visit_names(design.visits)
    arms = (ACTIVE, CONTROL) if design.control else ("",)
    asked = default_declaration(names, (parameter,), arms=arms)
    counts = np.zeros((4, 2))
    any_beyond = 0
    for number in range(trials):
        table = draw_table(design, np.random.default_rng([seed, number]))
        courses = list(drawn_courses(table, parameter, hours))
        found = analyse(courses, names, declaration=asked)
        counts += _counted(found, names[-1])
        any_beyond += any(one.treated and one.verdict is Verdict.BEYOND for one in found.changes)
    share = counts[:, 0] / np.maximum(counts[:, 1], 1)
    rejected, treated, others, named = map(float, share)
    return Rates(design.effect, trials, rejected, treated, others, named, any_beyond / trials)


def _counted(found: Analysis, last: str) -> np.ndarray:
    """Positive and all: rejection, treated discs, other discs, responders."""
    primary = next((one for one in found.effects if one.p is not None), None)
    treated, others = [0, 0], [0, 0]
    for one in found.changes:
        if one.visit == last:
            active = one.treated and one.arm != CONTROL
            which = treated if active else others
            which[0] += one.verdict is Verdict.BEYOND
            which[1] += 1
    active_judged = [one for one in found.judged if one.arm != CONTROL]
    named = sum(one.response is Response.RESPONDER for one in active_judged)
    rejected = primary is not None and primary.found.p <= ALPHA
    return np.array([[int(rejected), 1], treated, others, [named, len(active_judged)]])


def power_curve(
    design: TableDesign, effects: Sequence[float], trials: int, seed: int = 0,
    parameter: str = "height_mm", progress: ProgressCallback | None = None,
) -> list[Rates]:  # fmt: skip
    """Rates for several true effects, zero first."""
    found = []
    every = list(dict.fromkeys((0.0, *effects)))
    for n, effect in enumerate(every):
        if progress is not None:
            progress(f"simulating {trials} trials with an effect of {effect:g}", n / len(every))
        found.append(rates(replace(design, effect=effect), trials, seed, parameter))
    return found


_COLUMNS = (
    "effect", "trials", "rejected", "sampling_95", "beyond_treated", "beyond_others", "responders",
    "any_beyond",
)  # fmt: skip


def _cells(one: Rates) -> Iterator[str]:
    yield f"{one.effect:g}"
    yield str(one.trials)
    shares = (
        one.rejected, one.sampling, one.beyond_treated, one.beyond_others, one.responders,
        one.any_beyond,
    )  # fmt: skip
    yield from (f"{share:.4f}" for share in shares)


def write_power(
    design: TableDesign, found: Sequence[Rates], root: Path, seed: int,
    parameter: str = "height_mm", overwrite: bool = False,
) -> None:  # fmt: skip
    """Write ``power.csv``, ``power.png`` and ``power.html``.

    Raises ``UsageError`` if the folder exists without ``overwrite`` or cannot be written.
    """
    from discmri.trial.plots import power_plot

    with atomic_folder(resolved(root), overwrite) as fresh:
        write_table(fresh / "power.csv", _COLUMNS, (list(_cells(one)) for one in found))
        picture = power_plot(found, parameter)
        (fresh / "power.png").write_bytes(picture)
        page = render(
            "discmri.trial/power.html.j2", facts=design_facts(design, parameter, found, seed),
            rows=[tuple(_percent(one)) for one in found], effect=titled(parameter),
            picture=_base64(picture),
        )  # fmt: skip
        (fresh / "power.html").write_text(page, encoding="utf-8", newline="\n")


def design_facts(
    design: TableDesign, parameter: str, found: Sequence[Rates], seed: int
) -> list[tuple[str, str]]:
    """The design in words."""
    kind = "another day" if design.other_day else "the same session"
    arms = f"{design.active} active, {design.control} control" if design.control else design.active
    return [
        ("parameter", titled(parameter)),
        ("subjects", str(arms)),
        ("visits after the first", str(design.visits)),
        (
            "repeat scans at the first visit",
            f"{design.repeats} of {kind}" if design.repeats else "none",
        ),
        ("SD within a session, between days", f"{design.session_sd:g}, {design.day_sd:g}"),
        ("share of noise common to all discs", f"{design.shared:g}"),
        ("SD of the effect between subjects", f"{design.effect_sd:g}"),
        ("simulated", f"{found[0].trials if found else 0} trials per effect, seed {seed}"),
    ]


def _percent(one: Rates) -> Iterator[str]:
    yield f"{one.effect:g}"
    yield f"{100 * one.rejected:.1f} ± {100 * one.sampling:.1f} %"
    for share in (one.beyond_treated, one.responders, one.beyond_others, one.any_beyond):
        yield f"{100 * share:.1f} %"


def _base64(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode("ascii")
