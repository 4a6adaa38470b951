"""What the `handeye` command ends with."""

EXIT_CODES = {"succeeded": 0, "failed": 1, "needs_input": 3, "stopped": 4}
"""By the status of a run."""
BAD_INPUT, BROKEN = 2, 5
"""Unknown names, broken files, wrong options; a robot, camera or model that is broken."""
