"""The environments' names in Gymnasium; nothing heavy is imported for it."""

FAMILIES = {
    "Grab": "grab",
    "PutOn": "put_on",
    "PutIn": "put_in",
    "Stack": "stack",
    "Push": "push",
    "Tabletop": "grab",
}
"""Environment -> the task that it is made with, unless another is given."""


def register() -> None:
    """Make the environments known to Gymnasium under "handeye/…"; idempotent."""
    import gymnasium

    for name, task in FAMILIES.items():
        if f"handeye/{name}-v0" not in gymnasium.registry:
            gymnasium.register(
                f"handeye/{name}-v0",
                entry_point="handeye.sims.envs:TabletopEnv",
                kwargs={"task": task},
                max_episode_steps=300,
            )
