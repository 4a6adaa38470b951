"""TransformersChat: a local transformers checkpoint as a LangChain chat model with tools."""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from handeye.perception.deadlines import given_up
from handeye.perception.errors import ModelError
from handeye.perception.vlm.written import without_thoughts
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    ToolMessage,
    convert_to_openai_messages,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

_CALL = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|$)", re.DOTALL)
_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


class TransformersChat(BaseChatModel):
    """Runs a causal language model in this process.

    Tools go through the checkpoint's own chat template. Calls are read in the form that most
    open models are trained to write: `<tool_call>{"name": …, "arguments": …}</tool_call>`, or the
    bare JSON, with or without a fence around it.

    Attributes:
        tokenizer, model: of transformers.
        max_new_tokens: most that it may write; an answer that is longer is cut off, and says so by
            the finish_reason "length" in its `response_metadata`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    tokenizer: Any
    model: Any
    max_new_tokens: int = 512

    @classmethod
    def load(cls, folder: str, *, max_new_tokens: int = 512) -> "TransformersChat":
        """Load a checkpoint folder or hub name; raises ModelError naming what is wrong."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if folder.startswith((".", "/", "~")) and not Path(folder).expanduser().is_dir():
            raise ModelError(f"there is no checkpoint folder {folder}")
        try:
            tokenizer = AutoTokenizer.from_pretrained(Path(folder).expanduser())
            model = AutoModelForCausalLM.from_pretrained(Path(folder).expanduser())
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"the checkpoint {folder} cannot be loaded: {reason}") from error
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError(f"the checkpoint {folder} has no chat template; it is no chat model")
        return cls(tokenizer=tokenizer, model=model.eval(), max_new_tokens=max_new_tokens)

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any],
        *,
        tool_choice: str | None = None,  # noqa: ARG002 – of the base class
        **kwargs: Any,
    ) -> Runnable[Any, AIMessage]:
        """Offer tools in OpenAI's format; `tool_choice` is left to the model."""
        return self.bind(tools=list(tools), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 – of the base class
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        import torch
        from transformers import StoppingCriteriaList

        inputs = self.tokenizer.apply_chat_template(
            _plain(messages),
            tools=kwargs.get("tools"),
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        with torch.inference_mode():
            out = self.model.generate(
                **inputs,
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                stopping_criteria=StoppingCriteriaList([_left]),
            )
        written = out[0, inputs["input_ids"].shape[1] :]
        text = self.tokenizer.decode(written, skip_special_tokens=True)
        message = parse(text)
        cut = len(written) >= self.max_new_tokens and int(written[-1]) not in self._ends()
        message.response_metadata["finish_reason"] = "length" if cut else "stop"
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _ends(self) -> list[int]:
        """The tokens by which it says that it has written all."""
        ends: Any = self.model.generation_config.eos_token_id
        return list(ends) if isinstance(ends, list | tuple) else [] if ends is None else [ends]


def _left(tokens: Any, _scores: Any, **_: Any) -> Any:
    """[batch] bool, whether to stop writing: nobody waits for it."""
    import torch

    return torch.full((tokens.shape[0],), given_up(), dtype=torch.bool, device=tokens.device)


def parse(text: str) -> AIMessage:
    """A message from what a model wrote, its tool calls taken out of the text.

    What it thought aloud is no part of it.
    """
    text = without_thoughts(text)
    blocks = _CALL.findall(text)
    fenced = _FENCED.fullmatch(text)
    bare = fenced[1].strip() if fenced else text
    if not blocks and bare.startswith(("{", "[")):
        blocks, text = [bare], ""
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for block in blocks:
        try:
            written = json.loads(block)
        except json.JSONDecodeError as error:
            invalid.append(
                InvalidToolCall(
                    type="invalid_tool_call", name=None, args=block, id=_new_id(), error=error.msg
                )
            )
            continue
        for one in written if isinstance(written, list) else [written]:
            name = one.get("name") if isinstance(one, dict) else None
            arguments = one.get("arguments", one.get("parameters", {})) if name else None
            if isinstance(name, str) and isinstance(arguments, dict):
                calls.append(ToolCall(name=name, args=arguments, id=_new_id()))
            else:
                invalid.append(
                    InvalidToolCall(
                        type="invalid_tool_call",
                        name=None,
                        args=json.dumps(one),
                        id=_new_id(),
                        error="no name and arguments",
                    )
                )
    said = _CALL.sub("", text).strip()
    return AIMessage(content=said, tool_calls=calls, invalid_tool_calls=invalid)


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


def _plain(messages: list[BaseMessage]) -> list[dict[str, Any]]:
    """Messages as chat templates take them; results of tools as the user's words."""
    plain: Any = convert_to_openai_messages([m for m in messages if not isinstance(m, ToolMessage)])
    results = [str(m.content) for m in messages if isinstance(m, ToolMessage)]
    found = [{"role": m["role"], "content": str(m.get("content") or "")} for m in plain]
    return [*found, *({"role": "user", "content": text} for text in results[-1:])]
