"""The agent's graph: which node follows which."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .nodes import Nodes
from .state import AgentState

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


def build_graph(nodes: Nodes, checkpointer: Any) -> "CompiledStateGraph[Any, Any, Any, Any]":
    """Wire the nodes into a compiled StateGraph."""
    from langgraph.graph import END, START, StateGraph

    graph: Any = StateGraph(AgentState)
    for name in ("observe", "plan", "ask", "approve", "act", "verify"):
        graph.add_node(name, getattr(nodes, name))
    graph.add_edge(START, "observe")
    graph.add_edge("observe", "plan")
    graph.add_conditional_edges("plan", _after_plan, ["ask", "approve", END])
    graph.add_edge("ask", "observe")
    graph.add_conditional_edges("approve", _after_approval, ["observe", "act", END])
    graph.add_conditional_edges("act", _unless_over("verify"), ["verify", END])
    graph.add_conditional_edges("verify", _after_verify, ["observe", "approve", END])
    compiled: CompiledStateGraph[Any, Any, Any, Any] = graph.compile(checkpointer=checkpointer)
    return compiled


def _after_plan(state: AgentState) -> str:
    if state.get("status"):
        return "__end__"
    return "ask" if state.get("question") else "approve"


def _after_approval(state: AgentState) -> str:
    if state.get("status"):
        return "__end__"
    return "observe" if state.get("failure") else "act"


def _after_verify(state: AgentState) -> str:
    if state.get("status"):
        return "__end__"
    return "observe" if state.get("failure") or not state["plan"] else "approve"


def _unless_over(following: str) -> Callable[[AgentState], str]:
    return lambda state: "__end__" if state.get("status") else following
