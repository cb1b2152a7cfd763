"""What a router judges: the text of a request, whatever endpoint it came to.

Bodies of clients are only read here, never changed; parts that this module does not know are skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Request", "request_of_chat", "request_of_completion", "request_of_responses"]

#: Characters of a conversation that are looked at; the rest says little and costs time.
MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered.

    Args:
        text: of the answer.
        logprobs: natural logarithms of the probabilities of its tokens, where the server told them.
        samples: further answers to the same prompt, where asked for.
        finish: why it ended ("stop", "length", "tool_calls" ...), where told.
        tokens: of the answer, where told.
    """

    text: str
    logprobs: tuple[float, ...] = ()
    samples: tuple[str, ...] = ()
    finish: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt with what surrounds it.

    Args:
        prompt: the last turn of the user.
        context: the turns before it, oldest first.
        system: instructions.
        turns: how many turns the user has had, this one included.
        tools: functions may be called.
        images: pictures are part of it.
        structured: the answer must follow a schema.
        most_tokens: that the answer may have, where told.
        answers: of models that were asked already, by the model's name.
    """

    prompt: str
    context: str = ""
    system: str = ""
    turns: int = 1
    tools: bool = False
    images: bool = False
    structured: bool = False
    most_tokens: int | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All of it, the latest part last."""
        return "\n".join(t for t in (self.system, self.context, self.prompt) if t)


def request_of_chat(body: Mapping[str, Any]) -> Request:
    r"""From the body of a chat completion.

    >>> request_of_chat({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"},
    ...                               {"role": "user", "content": [{"type": "text", "text": "2+2?"}]}]})
    Request(prompt='2+2?', context='Hi\nHello!', system='', turns=2, tools=False, images=False, structured=False,
            most_tokens=None, answers={})
    """
    return _request(body.get("messages"), "", body)


def request_of_responses(body: Mapping[str, Any]) -> Request:
    """From the body of a response.

    >>> request_of_responses({"input": "2+2?", "instructions": "Be brief."}).system
    'Be brief.'
    """
    given = body.get("input")
    turns = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return _request(turns, str(body.get("instructions") or ""), body)


def request_of_completion(body: Mapping[str, Any]) -> Request:
    r"""From the body of a plain completion.

    >>> request_of_completion({"prompt": ["Once upon", "a time"]}).prompt
    'Once upon\na time'
    """
    given = body.get("prompt")
    parts = given if isinstance(given, list) else [given]
    prompt = "\n".join(p for p in parts if isinstance(p, str))
    return Request(prompt[-MOST_CHARACTERS:], most_tokens=_most(body))


def _request(given: Any, system: str, body: Mapping[str, Any]) -> Request:
    turns: Sequence[Any] = given if isinstance(given, list) else []
    said: list[tuple[str, str]] = []
    images = tools = False
    for turn in turns:
        if not isinstance(turn, Mapping):
            continue
        role = str(turn.get("role") or turn.get("type") or "")
        text, pictured = _text(turn.get("content") if "content" in turn else turn.get("output"))
        images = images or pictured
        tools = tools or bool(turn.get("tool_calls")) or role in ("tool", "function_call", "function_call_output")
        if role in ("system", "developer"):
            system = f"{system}\n{text}".strip()
        elif text:
            said.append(("user" if role == "user" else "other", text))
    last = max((i for i, (who, _) in enumerate(said) if who == "user"), default=-1)
    prompt = said[last][1] if last >= 0 else ""
    before = "\n".join(text for i, (_, text) in enumerate(said) if i != last)
    style = body.get("response_format") or (body.get("text") or {})
    return Request(
        prompt=prompt[-MOST_CHARACTERS:],
        context=before[-MOST_CHARACTERS:],
        system=system[:MOST_CHARACTERS],
        turns=max(1, sum(who == "user" for who, _ in said)),
        tools=tools or bool(body.get("tools") or body.get("functions")),
        images=images,
        structured="json" in str(style)[:200],
        most_tokens=_most(body),
    )


def _text(content: Any) -> tuple[str, bool]:
    """Text of a content, and whether there is a picture in it."""
    if isinstance(content, str):
        return content, False
    if not isinstance(content, list):
        return "", False
    texts, pictured = [], False
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping):
            if isinstance(part.get("text"), str):
                texts.append(part["text"])
            pictured = pictured or "image" in str(part.get("type"))
    return "\n".join(texts), pictured


def _most(body: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None
