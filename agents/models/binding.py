"""Binding: tools for a chat model, also within retries, fallbacks and bound arguments."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from handeye.perception.addresses import redacted, secrets_of, without
from handeye.perception.errors import UserError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase
from pydantic import SecretStr

_NAMES = ("model_name", "model", "model_id")
_ADDRESSES = ("openai_api_base", "azure_endpoint", "anthropic_api_url", "base_url", "endpoint_url")
"""What chat models of LangChain call their model and their server."""
_HEADERS = re.compile(r"auth|key|token|secret", re.IGNORECASE)
_BEARER = re.compile(r"""\b(Bearer)\s+[^\s'",;]+""")
_SHORTEST_KEY = 8
"""What is shorter stands for no key, such as "none", and is a word elsewhere."""

Model = Runnable[Any, Any]


def with_tools(model: Model, tools: Sequence[dict[str, Any]]) -> Runnable[Any, BaseMessage]:
    """A chat model that may call tools.

    Args:
        model: a chat model, or one with_retry(), with_fallbacks(), with_config() or bind(): then
            the tools are bound to what is inside, as LangChain drops what is around it otherwise.
        tools: in OpenAI's format.

    Raises:
        UserError: there is no chat model in it, or one that cannot call tools.
    """
    if isinstance(model, RunnableWithFallbacks):
        first, *others = (with_tools(one, tools) for one in (model.runnable, *model.fallbacks))
        return model.model_copy(update={"runnable": first, "fallbacks": others})
    if isinstance(model, RunnableBindingBase):
        return model.model_copy(update={"bound": with_tools(model.bound, tools)})
    kind = type(model).__name__
    bind: Any = getattr(model, "bind_tools", None)
    if not callable(bind):
        raise UserError(
            f"{kind} is no chat model; accepted are a chat model of LangChain, also with_retry(), "
            "with_fallbacks(), with_config() or bind()"
        )
    try:
        bound: Runnable[Any, BaseMessage] = bind(tools)
    except NotImplementedError as error:
        raise UserError(f"{kind} cannot plan: this chat model cannot call tools") from error
    return bound


def chat_models(model: Model) -> Iterator[Model]:
    """The chat models in what is given for one."""
    if isinstance(model, RunnableWithFallbacks):
        for one in (model.runnable, *model.fallbacks):
            yield from chat_models(one)
    elif isinstance(model, RunnableBindingBase):
        yield from chat_models(model.bound)
    else:
        yield model


def named(model: Model) -> str:
    """What a model is called in errors: its name, and its server without any credentials."""
    told = []
    for one in chat_models(model):
        name, address = _first(one, _NAMES), _first(one, _ADDRESSES)
        name = f'"{name}" ' if name else ""
        where = f" at {redacted(address)}" if address else ""
        told.append(f"{name}({type(one).__name__}{where})")
    return f"the language model {' or '.join(told)}"


def without_keys(text: str, model: Model) -> str:
    """A text without the credentials of a model, and without those of the environment."""
    keys = [value for name, value in os.environ.items() if name.endswith("_API_KEY")]
    secrets: list[str] = []
    for one in chat_models(model):
        address = _first(one, _ADDRESSES)
        text = text.replace(address, redacted(address)) if address else text
        fields = vars(one).values() if isinstance(one, BaseChatModel) else ()
        headers = getattr(one, "default_headers", None) or {}
        keys += [field.get_secret_value() for field in fields if isinstance(field, SecretStr)]
        keys += [str(value) for header, value in headers.items() if _HEADERS.search(header)]
        secrets += secrets_of(address)
    told = without(text, [*secrets, *(key for key in keys if len(key) >= _SHORTEST_KEY)])
    return _BEARER.sub(r"\1 ***", told)


def _first(model: object, names: Sequence[str]) -> str:
    """The first of some attributes that is a text, or ""."""
    found = (getattr(model, name, None) for name in names)
    return next((str(value) for value in found if isinstance(value, str) and value), "")
