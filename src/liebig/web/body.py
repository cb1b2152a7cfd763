"""The body of a request: JSON whose texts can be written again and whose numbers are numbers, or one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from liebig.errors import shown

__all__ = ["CheckedRoute", "body_problem"]

#: Longest whole number that Python reads.
_MOST_DIGITS = 4300


class CheckedRoute(APIRoute):
    """A route that refuses bodies which are no JSON before a question sees them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        answer = super().get_route_handler()

        async def checked(request: Request) -> Response:
            problem = body_problem(await request.body()) if request.method == "POST" else ""
            if problem:
                raise HTTPException(422, problem)
            return await answer(request)

        return checked


def body_problem(body: bytes) -> str:
    """What is wrong with a body, empty where it is an object in JSON.

    >>> body_problem(b'{"year": 2030}'), body_problem(b"")
    ('', 'the body is empty; expected an object in JSON, such as {}')
    >>> body_problem(b'{"year": NaN}')
    'the body is not valid JSON: NaN is no number of JSON'
    """
    if not body.strip():
        return "the body is empty; expected an object in JSON, such as {}"
    try:
        content = json.loads(body.decode(errors="surrogateescape"), parse_constant=_no_number, parse_int=_whole)
        if not isinstance(content, dict):
            return f"expected an object in JSON, such as {{}} (got {shown(content)})"
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return f"the body is no UTF-8 text: it holds {shown(error.object[error.start])}, which is half a character"
    except RecursionError:
        return "the body is nested too deeply"
    except ValueError as error:
        return f"the body is not valid JSON: {error}"
    return ""


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:  # Python would say how to raise its limit
        raise ValueError(f"a number is longer than {_MOST_DIGITS} digits")
    return int(digits)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
