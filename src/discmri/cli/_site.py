"""Defaults of a site: ``discmri.toml`` overrides defaults of options.

A table per command (``[measure]``, ``[trial.run]``) has options by their names without leading
dashes.  The first existing file is used: that of ``DISCMRI_CONFIG``, ``discmri.toml`` in the current
folder, that of the user.  Options on the command line have priority.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from discmri.core.errors import UsageError

NAME = "discmri.toml"
VARIABLE = "DISCMRI_CONFIG"
_NEVER = frozenset({"help", "version", "overwrite"})


@dataclass(frozen=True)
class SiteDefault:
    """One option of one command."""

    command: str  # command such as `measure` or `trial run`
    option: str  # name without leading dashes
    value: object  # default value
    source: str  # `program` or path of the file


def places() -> tuple[Path, ...]:
    """Paths of site files; the first existing one is used."""
    from platformdirs import user_config_path

    named = os.environ.get(VARIABLE)
    if named:
        return (Path(named),)
    return (Path(NAME), user_config_path("discmri", appauthor=False) / NAME)


def site_file() -> Path | None:
    """The site file, if any; ``UsageError`` if that of ``DISCMRI_CONFIG`` does not exist."""
    found = next((path for path in places() if path.is_file()), None)
    if found is None and os.environ.get(VARIABLE):
        raise UsageError(
            f"{places()[0]} of {VARIABLE} does not exist; create it or unset the variable"
        )
    return found


def apply_site(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> None:
    """Set the defaults of a command from the site file; those of all commands without ``argv``.

    Raises ``UsageError`` if the file cannot be read, or has an unknown command, option or value.
    """
    file = site_file()
    if file is None:
        return
    tables = _read(file)
    known = dict(commands(parser))
    for command, table in _tables(tables, known, file):
        if argv is None or list(argv[: command.count(" ") + 1]) == command.split():
            _set(known[command], table, f"{file}, [{command.replace(' ', '.')}]")


def in_force(parser: argparse.ArgumentParser) -> list[SiteDefault]:
    """All options with a default, of all commands, after the site file was applied."""
    found = []
    for command, own in commands(parser):
        site: Mapping[str, str] = getattr(own, "site_values", {})
        for action in _options(own):
            if action.default not in (None, argparse.SUPPRESS, False, [], ""):
                name = _name(action)
                found.append(SiteDefault(command, name, action.default, site.get(name, "program")))
    return found


def commands(
    parser: argparse.ArgumentParser, above: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """All commands and actions with their parsers, by names such as ``trial run``."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield f"{above}{name}", child
                yield from commands(child, f"{above}{name} ")


def _read(file: Path) -> Mapping[str, object]:
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file} cannot be read as TOML ({error})") from error


def _tables(
    found: Mapping[str, object], known: Mapping[str, object], file: Path, above: str = ""
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Tables by command; actions of a command are nested tables."""
    for name, value in found.items():
        command = f"{above}{name}"
        if command not in known or not isinstance(value, Mapping):
            raise UsageError(
                f"{file}: {command!r} is not a command; write a table such as [measure]"
            )
        actions = {key: one for key, one in value.items() if f"{command} {key}" in known}
        yield from _tables(actions, known, file, f"{command} ")
        own = {key: one for key, one in value.items() if key not in actions}
        if own:
            yield command, own


def _set(parser: argparse.ArgumentParser, table: Mapping[str, object], where: str) -> None:
    options = {_name(action): action for action in _options(parser)}
    site: dict[str, str] = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in options:
            raise UsageError(f"{where}: unknown option {key!r}; choose from {', '.join(options)}")
        action = options[name]
        action.default = _value(action, value, f"{where} {key}")
        action.required = False
        parser.set_defaults(**{action.dest: action.default})
        site[name] = where.partition(", [")[0]
    parser.site_values = site  # type: ignore[attr-defined]


def _value(action: argparse.Action, value: object, where: str) -> object:
    if isinstance(action, argparse._StoreTrueAction):
        if not isinstance(value, bool):
            raise UsageError(f"{where}: expected true or false, got {value!r}")
        return value
    several = isinstance(action, argparse._AppendAction)
    if isinstance(value, (list, dict, bool)) and not (several and isinstance(value, list)):
        raise UsageError(f"{where}: expected one value, got {value!r}")
    items = [_item(action, one, where) for one in (value if isinstance(value, list) else [value])]
    return items if several else items[0]


def _item(action: argparse.Action, value: object, where: str) -> object:
    try:
        typed = action.type(str(value)) if callable(action.type) else str(value)
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise UsageError(f"{where}: {error}") from error
    if action.choices is not None and typed not in action.choices:
        raise UsageError(
            f"{where}: {value!r} is invalid; choose from {', '.join(map(str, action.choices))}"
        )
    return typed


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [
        action
        for action in parser._actions
        if action.option_strings and action.dest not in _NEVER and action.nargs in (None, 0)
    ]


def _name(action: argparse.Action) -> str:
    return max(action.option_strings, key=len).lstrip("-")
