"""Write the schema to standard output."""

import sys

from discmri.results.jsonable import dumps
from discmri.results.schema import schema

sys.stdout.write(dumps(schema()))
