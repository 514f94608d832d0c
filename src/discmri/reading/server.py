"""Connection to a PostgreSQL server: encryption, certificates and password file.

Options are given in the URL or in the environment, with the names that PostgreSQL uses:
``sslmode``, ``sslrootcert``, ``sslcert``, ``sslkey``, ``passfile``.
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
"""From no encryption to encryption with a verified certificate and host name."""

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
    """Split a URL into a URL without options and password, and arguments of the driver pg8000.

    Raises ``UsageError`` if an option is unknown, or a file cannot be used.
    """
    from sqlalchemy.engine import URL

    unknown = [name for name in url.query if name not in _VARIABLES]
    if unknown:
        raise UsageError(
            f"{one_line(unknown[0])} is not an option of the URL of a session; choose from "
            f"{', '.join(_VARIABLES)}"
        )
    if "@" in (url.host or ""):
        raise UsageError("in the URL of a session, write @ in the password as %40")
    options = {name: os.environ.get(variable, "") for name, variable in _VARIABLES.items()}
    options |= {name: str(value) for name, value in url.query.items()}
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    arguments = {  # a password is always given, because pg8000 fails with None
        "ssl_context": _encryption(options),
        "password": url.password or options["password"] or _stored_password(bare, options),
        "application_name": options["application_name"] or None,
    }
    return bare, {name: value for name, value in arguments.items() if value is not None}


def _encryption(options: Mapping[str, str]) -> ssl.SSLContext | bool | None:
    """For pg8000: ``False`` never encrypts, ``None`` encrypts if the server can."""
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
            # the empty password refuses encrypted keys, for which OpenSSL would prompt
            context.load_cert_chain(options["sslcert"], options["sslkey"] or None, lambda: "")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the certificates in the URL of the session cannot be used ({one_line(error)}); "
            "sslrootcert, sslcert and sslkey are PEM files, the key without a password"
        ) from error
    context.check_hostname = mode == "verify-full"
    if mode == "require" and not authority:  # as PostgreSQL's own programs do
        context.verify_mode = ssl.CERT_NONE
    return context


def _stored_password(url: URL, options: Mapping[str, str]) -> str:
    """Password from the password file; empty if there is none for this user and database."""
    named = options["passfile"]
    path = Path(named) if named else Path.home() / ".pgpass"
    try:
        if not named and not path.exists():
            return ""
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError(
                f"other users can read the password file {one_line(path)}; run chmod 600 on it"
            )
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
