"""Threads: where a conversation is kept, so that it can be gone on with."""

import sqlite3
from pathlib import Path
from typing import Any

from handeye.perception.errors import UserError


def saver_for(checkpoint: object) -> tuple[Any, Any]:
    """(connection to close, saver) for a SQLite file, a Postgres URL, a saver, or memory.

    Raises UserError for anything else.
    """
    from langgraph.checkpoint.base import BaseCheckpointSaver

    if checkpoint is None:
        from langgraph.checkpoint.memory import InMemorySaver

        return None, InMemorySaver()
    if isinstance(checkpoint, BaseCheckpointSaver):
        return None, checkpoint
    if not isinstance(checkpoint, str | Path):
        raise UserError(
            f"checkpoint={checkpoint!r} keeps no threads; accepted are the path of a SQLite file, "
            '"postgresql://…", a checkpointer of LangGraph, and None'
        )
    if isinstance(checkpoint, str) and checkpoint.startswith(("postgresql://", "postgres://")):
        return _postgres(checkpoint)
    from langgraph.checkpoint.sqlite import SqliteSaver

    Path(checkpoint).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(checkpoint, check_same_thread=False)
    return connection, SqliteSaver(connection)


def _postgres(url: str) -> tuple[Any, Any]:
    try:
        import psycopg
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row
    except ImportError as error:
        raise UserError(
            "threads in Postgres need a package more: pip install 'handeye[postgres]'"
        ) from error
    try:
        connection = psycopg.connect(
            url, autocommit=True, prepare_threshold=0, row_factory=dict_row
        )
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"the database for the threads cannot be reached: {reason}") from error
    saver = PostgresSaver(connection)
    saver.setup()
    return connection, saver
