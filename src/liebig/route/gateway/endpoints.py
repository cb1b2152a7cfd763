"""The endpoints that are passed on, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from liebig.route.request import Request, request_of_chat, request_of_completion, request_of_responses

__all__ = ["CHAT", "COMPLETIONS", "EMBEDDINGS", "ENDPOINTS", "RESPONSES", "Endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    Args:
        name: for the ledger, metrics and log.
        path: after the address of an upstream.
        prompt: field of the body with what is asked.
        request_of: what a router looks at; None where no router can choose.
        usage_option: a stream tells tokens only when ``stream_options.include_usage`` is set.
    """

    name: str
    path: str
    prompt: str
    request_of: Callable[[Mapping[str, Any]], Request] | None
    usage_option: bool = False


CHAT = Endpoint("chat", "/chat/completions", "messages", request_of_chat, usage_option=True)
COMPLETIONS = Endpoint("completions", "/completions", "prompt", request_of_completion, usage_option=True)
RESPONSES = Endpoint("responses", "/responses", "input", request_of_responses)
EMBEDDINGS = Endpoint("embeddings", "/embeddings", "input", None)
ENDPOINTS = (CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS)
