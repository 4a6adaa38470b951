"""Making: a planner from what a user names one by."""

from handeye.perception.errors import UserError
from handeye.perception.spending import Spending

from .planner import Planner


def make_planner(planner: object) -> Planner:
    """A planner by name, from a LangChain chat model, or the one that is given.

    Args:
        planner: "embedded"; a name of a language model for `load_chat_model`; several names with
            commas between them, each asked what the one before did not understand; a LangChain
            chat model, also with_retry(), with_fallbacks() and the like; or an object with `plan`.

    Raises UserError for anything else.
    """
    if not isinstance(planner, str):
        return _planner_of(planner)
    names = [name.strip() for name in planner.split(",")]
    if len(names) > 1:
        from .models.planner import ChainedPlanner

        return ChainedPlanner([make_planner(name) for name in names])
    if planner == "embedded":
        from .embedded_planner import EmbeddedPlanner

        return EmbeddedPlanner()
    if ":" not in planner:
        raise UserError(
            f'there is no planner "{planner}"; accepted are "embedded", a language model '
            '("provider:model", "http://host:port/v1#model", "transformers:FOLDER"), both as '
            '"embedded,provider:model", and an object with plan()'
        )
    from .models.planner import ModelPlanner

    return ModelPlanner(planner)


def spendings_of(planner: Planner) -> tuple[Spending, ...]:
    """What counts the requests and tokens of a planner, or of planners in turn."""
    chained = getattr(planner, "planners", ())
    own = getattr(planner, "spending", None)
    found = (own,) if isinstance(own, Spending) else ()
    return (*found, *(one for link in chained for one in spendings_of(link)))


def _planner_of(planner: object) -> Planner:
    if isinstance(planner, type):
        name = planner.__name__
        raise UserError(f"planner={name} is a class; right is an object of it, such as {name}()")
    if isinstance(planner, Planner):
        return planner
    from langchain_core.runnables import Runnable

    if isinstance(planner, Runnable):
        from .models.planner import ModelPlanner

        return ModelPlanner(planner)
    raise UserError(
        f"{type(planner).__name__} is no planner: it has no plan() and is no chat model"
    )
