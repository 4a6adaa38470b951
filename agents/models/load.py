"""load_chat_model: a chat model by its name, its server's address, or its checkpoint folder."""

import re
from typing import TYPE_CHECKING

from handeye.perception.errors import UserError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_URL = re.compile(r"^(https?://[^#]+)(?:#(.+))?$")
_EXAMPLES = (
    '"openai:gpt-5-mini" (any provider of LangChain), "http://127.0.0.1:8000/v1#model" (an '
    'OpenAI-compatible server), or "transformers:FOLDER" (a checkpoint with a chat template)'
)
TIMEOUT_S = 60.0
_RETRIES = 2


def load_chat_model(name: str, timeout_s: float = TIMEOUT_S) -> "BaseChatModel":
    """A LangChain chat model.

    Args:
        name: "provider:model", "http://host:port/v1#model" or "transformers:folder".
        timeout_s: for how long its client waits for a server's next byte.

    Raises:
        UserError: the name is none of these, or a package that it needs is not installed.
        ModelError: a checkpoint cannot be read.
    """
    if name.startswith("transformers:"):
        from .local import TransformersChat

        return TransformersChat.load(name.removeprefix("transformers:"))
    url = _URL.match(name)
    if url:
        return _of_server(url[1], url[2] or "default", timeout_s)
    if not re.fullmatch(r"[a-z_]+:\S+", name):
        raise UserError(f'"{name}" names no language model; accepted are {_EXAMPLES}')
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise _missing("langchain") from error
    try:
        model: BaseChatModel = init_chat_model(name, timeout=timeout_s, max_retries=_RETRIES)
    except ImportError as error:
        raise UserError(f'"{name}" needs a package that is not installed: {error}') from error
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise UserError(f'the language model "{name}" cannot be used: {reason}') from error
    return model


def _of_server(address: str, model: str, timeout_s: float) -> "BaseChatModel":
    import os

    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise _missing("langchain-openai") from error
    from pydantic import SecretStr

    return ChatOpenAI(
        model=model,
        base_url=address,
        api_key=SecretStr(os.environ.get("OPENAI_API_KEY", "none")),
        timeout=timeout_s,
        max_retries=_RETRIES,
        temperature=0.0,
    )


def _missing(package: str) -> UserError:
    return UserError(f"language models need {package}: pip install 'handeye[llm]'")
