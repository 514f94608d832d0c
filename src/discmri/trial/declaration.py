"""The declaration of a trial, ``trial.toml``: endpoints, estimand, responder rule."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from discmri.core.errors import UsageError
from discmri.core.text import one_line
from discmri.results.records import PARAMETER
from discmri.trial.plan import Trial
from discmri.trial.responders import PRIMARY
from discmri.trial.values import TRACKED

CONTROL_NAMES = ("control", "placebo", "sham", "saline", "untreated")
"""Words in the name of an arm that identify the control arm if none is declared."""


class Estimand(Enum):
    """Quantity compared in each subject."""

    AGAINST_UNTREATED = "treated_vs_untreated"  # change of treated minus untreated discs
    FROM_BASELINE = "treated_change"  # change of treated discs


class Covariate(Enum):
    """Covariates of group effects."""

    BASELINE = "baseline"  # value of the treated discs at the first visit
    LEVEL = "level"


@dataclass(frozen=True)
class Endpoint:
    """A parameter at a visit."""

    parameter: str
    visit: str

    def __str__(self) -> str:
        """In words."""
        return f"{self.parameter} at {self.visit}"


@dataclass(frozen=True)
class Declaration:
    """Endpoints and rules of a trial.

    Parameters
    ----------
    primary, secondary
        Endpoints; p values of the secondary family are adjusted by Holm.  All others are
        exploratory.
    estimand
        Quantity compared in each subject.
    control_arm
        Name of the control arm; empty without arms.
    covariates
        Covariates of group effects.
    responder_parameters, responder_visit
        Parameters that must all increase in a responder, and the visit.
    diurnal
        Whether noise bands include the difference in time of day.
    declared
        Whether this was read from a file; otherwise these are defaults.
    """

    primary: Endpoint
    secondary: tuple[Endpoint, ...] = ()
    estimand: Estimand = Estimand.AGAINST_UNTREATED
    control_arm: str = ""
    covariates: tuple[Covariate, ...] = ()
    responder_parameters: tuple[str, ...] = PRIMARY
    responder_visit: str = ""
    diurnal: bool = True
    declared: bool = False


def default_declaration(
    visits: Sequence[str],
    parameters: Sequence[str] = PRIMARY,
    at: str = "",
    arms: Sequence[str] = (),
) -> Declaration:
    """Default declaration: first parameter of the responder rule at the last visit.

    Parameters
    ----------
    visits
        Names of all visits, earliest first.
    parameters, at
        Parameters and visit of the responder rule; default: the last visit.
    arms
        Names of the arms; the control arm is identified by its name, otherwise it is the last.

    Returns
    -------
    Declaration
        With ``declared=False``.

    Examples
    --------
    >>> str(default_declaration(("baseline", "week 12")).primary)
    'height_mm at week 12'
    """
    visit = at or (visits[-1] if visits else "")
    return Declaration(
        Endpoint(parameters[0], visit), control_arm=_control(arms),
        responder_parameters=tuple(parameters), responder_visit=visit,
    )  # fmt: skip


def read_declaration(path: Path, trial: Trial) -> Declaration:
    """Read and check ``trial.toml``.

    Parameters
    ----------
    path
        The file.
    trial
        The trial, for its visits and arms.

    Returns
    -------
    Declaration
        The declaration, with defaults for missing keys.

    Raises
    ------
    UsageError
        If a key is unknown or invalid, or contradicts the trial.

    Examples
    --------
    >>> trial = read_trial(Path("trial.csv"))  # doctest: +SKIP
    >>> str(read_declaration(Path("trial.toml"), trial).primary)  # doctest: +SKIP
    'height_mm at week 24'
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read as TOML ({one_line(error)})") from error
    try:
        given = msgspec.convert(content, _Content)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {one_line(error)}; it may have {_FORM}") from error
    declaration = given.declaration(default_declaration(trial.visits, arms=trial.arms))
    check_declaration(declaration, trial, str(path))
    return declaration


def check_declaration(declaration: Declaration, trial: Trial, source: str = "") -> None:
    """Check a declaration for contradictions.

    Raises ``UsageError`` if an endpoint is declared twice, or the trial has no such parameter,
    visit or arm.
    """
    told = f"{source}: " if source else ""
    endpoints = (declaration.primary, *declaration.secondary)
    for one in endpoints:
        _known_parameter(one.parameter, told)
        _known_visit(one.visit, trial, told)
    for name in declaration.responder_parameters:
        _known_parameter(name, told)
    _known_visit(declaration.responder_visit, trial, told)
    twice = next((one for n, one in enumerate(endpoints) if one in endpoints[:n]), None)
    if twice is not None:
        raise UsageError(f"{told}{twice} is declared twice; declare each endpoint once")
    arms = [arm for arm in trial.arms if arm]
    if declaration.control_arm and declaration.control_arm not in arms:
        known = f"arms: {', '.join(arms)}" if arms else "the list has no arms (column arm)"
        raise UsageError(f"{told}there is no arm {declaration.control_arm!r}; {known}")


def _known_parameter(name: str, told: str) -> None:
    if name not in _TRACKED:
        known = "is not a number" if name in PARAMETER else "is not a parameter"
        raise UsageError(f"{told}{name} {known}; an endpoint is one of {', '.join(_TRACKED)}")


def _known_visit(visit: str, trial: Trial, told: str) -> None:
    later = trial.visits[1:]
    if visit and visit not in later:
        raise UsageError(
            f"{told}there is no visit {visit!r} after the first; later visits: {', '.join(later)}"
        )


_TRACKED = tuple(one.name for one in TRACKED)
_FORM = (
    'estimand ("treated_vs_untreated" or "treated_change"), control_arm, covariates (of "baseline" '
    'and "level"), diurnal (true or false), missing ("complete"; a sensitivity row counts missing '
    "visits as no change), [primary] and any [[secondary]] with parameter and visit, [responder] "
    "with parameters and visit"
)
_Text = Annotated[str, msgspec.Meta(min_length=1)]


def _control(arms: Sequence[str]) -> str:
    """The control arm by its name; otherwise the last arm."""
    named = [arm for arm in arms if any(word in arm.lower() for word in CONTROL_NAMES)]
    if len(arms) < 2 or len(named) > 1:
        return ""
    return named[0] if named else arms[-1]


class _EndpointTable(msgspec.Struct, forbid_unknown_fields=True):
    parameter: _Text
    visit: _Text

    def endpoint(self) -> Endpoint:
        return Endpoint(one_line(self.parameter), one_line(self.visit))


class _ResponderTable(msgspec.Struct, forbid_unknown_fields=True):
    parameters: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    visit: str | None = None


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    """The content of ``trial.toml``."""

    primary: _EndpointTable
    secondary: list[_EndpointTable] = []
    estimand: Estimand = Estimand.AGAINST_UNTREATED
    control_arm: str | None = None
    covariates: list[Covariate] = []
    missing: Literal["complete"] = "complete"
    diurnal: bool = True
    responder: _ResponderTable = msgspec.field(default_factory=_ResponderTable)

    def declaration(self, usual: Declaration) -> Declaration:
        primary, responder = self.primary.endpoint(), self.responder
        arm, visit = self.control_arm, responder.visit
        return Declaration(
            primary,
            tuple(one.endpoint() for one in self.secondary),
            self.estimand,
            usual.control_arm if arm is None else one_line(arm),
            tuple(self.covariates),
            tuple(map(one_line, responder.parameters or [primary.parameter])),
            primary.visit if visit is None else one_line(visit),
            self.diurnal,
            declared=True,
        )
