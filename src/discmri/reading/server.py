"""How a PostgreSQL server is reached: encryption, certificates and a file of passwords.

Options stand in the session's URL or in the environment under the names that PostgreSQL's own
programs use: ``sslmode``, ``sslrootcert``, ``sslcert``, ``sslkey``, ``passfile``.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.core.errors import UsageError
from discmri.core.text import one_line

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""From no encryption to encryption by a server whose certificate bears its name."""

_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "passfile": "PGPASSFILE",
    "password": "PGPASSWORD",
    "application_name": "PGAPPNAME",
}
_ENTRY = re.compile(":".join([r"((?:\\.|[^:\\])*)"] * 4) + r":((?:\\.|[^\\])*)")


def connect_arguments(url: URL) -> tuple[URL, dict[str, Any]]:
    """A URL without options and password, and what the driver pg8000 is given instead.

    Raises
    ------
    UsageError
        For an unknown option, or a file that cannot be used.
    """
    from sqlalchemy.engine import URL

    unknown = [name for name in url.query if name not in _VARIABLES]
    if unknown:
        raise UsageError(
            f"{one_line(unknown[0])} is not an option of a session's URL; choose from "
            f"{', '.join(_VARIABLES)}"
        )
    if "@" in (url.host or ""):
        raise UsageError("write an @ in the password of a session's URL as %40")
    options = {name: os.environ.get(variable, "") for name, variable in _VARIABLES.items()}
    options |= {name: str(value) for name, value in url.query.items()}
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    arguments = {  # the password is empty at least: pg8000 fails where it is asked for a None
        "ssl_context": _encryption(options),
        "password": url.password or options["password"] or _stored_password(bare, options),
        "application_name": options["application_name"] or None,
    }
    return bare, {name: value for name, value in arguments.items() if value is not None}


def _encryption(options: Mapping[str, str]) -> ssl.SSLContext | bool | None:
    """For pg8000: ``False`` never encrypts, ``None`` does where the server can."""
    mode, authority = options["sslmode"] or "prefer", options["sslrootcert"]
    if mode not in SSL_MODES:
        raise UsageError(f"sslmode is one of {', '.join(SSL_MODES)}, got {one_line(mode)}")
    if options["sslkey"] and not options["sslcert"]:
        raise UsageError("sslkey needs sslcert, the certificate that the key belongs to")
    if options["sslcert"] and mode in ("disable", "allow", "prefer"):
        raise UsageError(
            f"sslcert needs sslmode=require, verify-ca or verify-full; sslmode is {mode}"
        )
    if mode == "disable":
        return False
    if mode in ("allow", "prefer"):
        return None
    file = authority if authority not in ("", "system") else None
    try:
        context = ssl.create_default_context(cafile=file)
        if options["sslcert"]:
            # an encrypted key is refused: without a password OpenSSL would ask for it
            context.load_cert_chain(options["sslcert"], options["sslkey"] or None, lambda: "")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the certificates that the session's URL names cannot be used ({one_line(error)}); "
            "sslrootcert, sslcert and sslkey are PEM files, the key without a password"
        ) from error
    context.check_hostname = mode == "verify-full"
    if mode == "require" and not authority:  # with a known authority it is checked
        context.verify_mode = ssl.CERT_NONE
    return context


def _stored_password(url: URL, options: Mapping[str, str]) -> str:
    """From the password file; empty where it has none for this user and database."""
    named = options["passfile"]
    path = Path(named) if named else Path.home() / ".pgpass"
    try:
        if not named and not path.exists():
            return ""
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError(f"others may read the password file {one_line(path)}; chmod 600 it")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the password file {one_line(path)} cannot be read ({one_line(error)})"
        ) from error
    wanted = (url.host or "localhost", str(url.port or 5432), url.database or "", url.username)
    for line in lines:
        found = None if line.startswith("#") else _ENTRY.fullmatch(line)
        if found is None:
            continue
        *places, password = (re.sub(r"\\(.)", r"\1", one) for one in found.groups())
        if all(place in ("*", want) for place, want in zip(places, wanted, strict=True)):
            return password
    return ""
