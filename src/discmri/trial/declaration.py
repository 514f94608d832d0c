"""The declaration of a trial, ``trial.toml``: endpoints, estimand, responder rule."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from discmri.core.errors import UsageError
from discmri.core.text import one_line
from discmri.results.records import PARAMETER
from discmri.trial.plan import Trial
from discmri.trial.responders import PRIMARY
from discmri.trial.values import TRACKED

E = TypeVar("E", bound=Enum)

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
    return _Reader(str(path), trial).declaration(content)


def check_declaration(declaration: Declaration, trial: Trial, source: str = "") -> None:
    """Check a declaration for contradictions.

    Raises
    ------
    UsageError
        If an endpoint is declared twice, or the trial has no such parameter, visit or arm.
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
_KEYS = {
    "": ("estimand", "control_arm", "covariates", "missing", "diurnal", "primary", "secondary",
         "responder"),
    "primary": ("parameter", "visit"),
    "secondary": ("parameter", "visit"),
    "responder": ("parameters", "visit"),
}  # fmt: skip


def _control(arms: Sequence[str]) -> str:
    """The control arm by its name; otherwise the last arm."""
    named = [arm for arm in arms if any(word in arm.lower() for word in CONTROL_NAMES)]
    if len(arms) < 2 or len(named) > 1:
        return ""
    return named[0] if named else arms[-1]


@dataclass(frozen=True)
class _Reader:
    """Parses a declaration; every error message has the file and the key."""

    source: str
    trial: Trial

    def declaration(self, content: dict[str, Any]) -> Declaration:
        self._only(content, "")
        if "primary" not in content:
            raise self._error("[primary] is missing; declare parameter and visit")
        usual = default_declaration(self.trial.visits, arms=self.trial.arms)
        secondary = content.get("secondary", [])
        if not isinstance(secondary, list):
            raise self._error("secondary must be a list; write [[secondary]] for each endpoint")
        if content.get("missing", "complete") != "complete":
            raise self._error(
                "missing must be 'complete'; a sensitivity row counts missing visits as no change"
            )
        primary = self._endpoint(content["primary"], "primary")
        responder = content.get("responder", {})
        self._only(responder, "responder")
        given = replace(
            usual,
            primary=primary,
            secondary=tuple(self._endpoint(one, "secondary") for one in secondary),
            estimand=self._choice(content.get("estimand", usual.estimand.value), Estimand),
            control_arm=self._text(content.get("control_arm", usual.control_arm), "control_arm"),
            covariates=tuple(
                self._choice(one, Covariate)
                for one in self._list(content.get("covariates", []), "covariates")
            ),
            responder_parameters=tuple(
                self._list(responder.get("parameters", [primary.parameter]), "responder")
            ),
            responder_visit=self._text(responder.get("visit", primary.visit), "responder"),
            diurnal=self._flag(content.get("diurnal", True)),
            declared=True,
        )
        check_declaration(given, self.trial, self.source)
        return given

    def _endpoint(self, table: object, where: str) -> Endpoint:
        self._only(table, where)
        assert isinstance(table, dict)
        for key in _KEYS[where]:
            if not table.get(key):
                raise self._error(f"{where} has no {key}; give parameter and visit")
        return Endpoint(*(self._text(table[key], f"{where}.{key}") for key in _KEYS[where]))

    def _only(self, table: object, where: str) -> None:
        if not isinstance(table, dict):
            raise self._error(f"{where} must be a table; write [{where}]")
        unknown = [key for key in table if key not in _KEYS[where]]
        if unknown:
            place = f"{where}." if where else ""
            known = ", ".join(_KEYS[where])
            raise self._error(f"{place}{one_line(unknown[0])} is unknown; write one of {known}")

    def _choice(self, value: object, kind: type[E]) -> E:
        known = [one.value for one in kind]
        if value not in known:
            raise self._error(f"{one_line(value)!r} is unknown; write one of {', '.join(known)}")
        return kind(value)

    def _text(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise self._error(f"{where} is {one_line(value)}, not text; write it in quotes")
        return one_line(value)

    def _list(self, value: object, where: str) -> list[str]:
        if not isinstance(value, list) or (not value and where == "responder"):
            raise self._error(f'{where} must be a list; write ["{_TRACKED[0]}"]')
        return [self._text(one, where) for one in value]

    def _flag(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self._error(f"diurnal is {one_line(value)}; write true or false")
        return value

    def _error(self, text: str) -> UsageError:
        return UsageError(f"{self.source}: {text}")
