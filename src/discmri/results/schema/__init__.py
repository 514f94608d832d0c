"""The JSON Schema (draft 2020-12) of ``study.json``, generated from the model.

``study.schema.json`` is a copy for other programming languages.  After a change of the model, renew
it with ``python -m discmri.results.schema > study.schema.json``.
"""

from __future__ import annotations

from typing import Any

from discmri.results.document import Document

__all__ = ["schema"]

_MEASURED = {
    "discs": {"minItems": 1},
    "numbering": {"minLength": 1},
    "message": {"const": ""},
    "segmenter": {"minLength": 1},
}
_NOTHING = {
    "discs": {"maxItems": 0},
    "findings": {"minItems": 1},
    "message": {"minLength": 1},
    "files": {"maxProperties": 0},
}


def schema() -> dict[str, Any]:
    """The schema of ``study.json``.

    Returns
    -------
    dict
        JSON Schema, draft 2020-12.

    Examples
    --------
    >>> sorted(schema()["$defs"]["StoredDisc"]["properties"])
    ['evidence', 'flags', 'label_id', 'level', 'quality', 'quality_reasons', 'values']
    """
    import msgspec

    (reference,), parts = msgspec.json.schema_components(
        [Document], schema_hook=lambda _kind: {"type": "string"}, ref_template="#/$defs/{name}"
    )
    parts["Finding"]["properties"]["text"]["minLength"] = 1
    whole = parts.pop("Document")
    whole["properties"]["versions"]["required"] = ["discmri"]
    assert reference == {"$ref": "#/$defs/Document"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "title": "study.json of discmri",
        "if": {"properties": {"status": {"const": "measured"}}},
        "then": {"properties": _MEASURED},
        "else": {"properties": _NOTHING},
        "$defs": parts,
    }
