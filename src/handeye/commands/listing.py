"""`handeye skills` and `handeye tasks`."""

import json

from ..quiet import import_simulator


def skills(as_json: bool) -> None:
    """Print the skills as schemas, or as a table."""
    from handeye.skills.registry import skill_schema
    from handeye.skills.registry import skills as known

    schemas = [skill_schema(skill) for skill in known().values()]
    if as_json:
        print(json.dumps(schemas))
        return
    for schema in schemas:
        print(f"{schema['name']}: {schema['description']}")
        required = schema["parameters"].get("required", [])
        for name, field in schema["parameters"].get("properties", {}).items():
            need = "" if name in required else " (optional)"
            print(f"    {name}{need}: {field.get('description', '')}")


def tasks(as_json: bool) -> None:
    """Print the tasks by family, and those of installed packages."""
    import_simulator()
    from handeye.sims.tasks import FAMILIES, installed

    families = {
        family: {task.name: _summary(task) for task in tasks} for family, tasks in FAMILIES.items()
    }
    if plugged := installed():
        families["installed"] = {name: _summary(task) for name, task in plugged.items()}
    if as_json:
        print(json.dumps(families))
        return
    for family, rows in families.items():
        print(f"{family}:")
        for name, words in rows.items():
            print(f"    {name:17} {words}")


def _summary(task: object) -> str:
    return getattr(task, "summary", None) or (type(task).__doc__ or "").splitlines()[0]
