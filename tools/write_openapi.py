"""Print the OpenAPI document of the page, without starting a server: ``python tools/write_openapi.py``.

``npm run gen`` in ``web/`` makes the page's types from it.
"""

from __future__ import annotations

import json
from typing import Any

from liebig.web.server import create_app


def without_titles(schema: Any) -> Any:
    """A part of the document without the titles that repeat the names of fields.

    >>> without_titles({"properties": {"title": {"title": "Title", "type": "string"}}})
    {'properties': {'title': {'type': 'string'}}}
    """
    if isinstance(schema, dict):
        return {k: without_titles(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
    if isinstance(schema, list):
        return [without_titles(v) for v in schema]
    return schema


def main() -> None:
    """Print the document as JSON."""
    document = create_app().openapi()
    for part in ("paths", "components"):
        document[part] = without_titles(document[part])
    print(json.dumps(document, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
