"""`handeye doctor`: is everything here, and does it work?"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any

from ..quiet import import_simulator


def doctor(as_json: bool) -> int:
    """Check one thing after the other; returns 0 if all work, else 5."""
    import_simulator()
    checks: dict[str, Callable[[], str]] = {
        "python": platform.python_version,
        "cores": lambda: str(os.cpu_count()),
        "torch": _torch,
        "langgraph": lambda: _version("langgraph"),
        "weights": _weights,
        "simulator": _simulator,
        "model": _model,
        "video": _video,
        "webcams": _webcams,
    }
    rows: dict[str, dict[str, Any]] = {}
    for name, check in checks.items():
        try:
            rows[name] = {"ok": True, "found": check()}
        except Exception as error:
            rows[name] = {"ok": False, "found": f"{type(error).__name__}: {error}"}
        if not as_json:
            sign = "ok " if rows[name]["ok"] else "BAD"
            print(f"{sign} {name:10} {rows[name]['found']}", flush=True)
    if as_json:
        print(json.dumps(rows))
    return 0 if all(row["ok"] for row in rows.values()) else 5


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _torch() -> str:
    import torch

    place = "CUDA" if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return f"{torch.__version__}, {place}"


def _weights() -> str:
    from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT

    file = CHECKPOINT / "model.safetensors"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return f"{file.stat().st_size / 1e6:.1f} MB, sha256 {digest}"


def _simulator() -> str:
    from handeye.sims.simulation import simulate
    from handeye.sims.tasks import get_task

    with simulate(get_task("grab"), 0) as simulation:
        camera = simulation.robot.cameras["overview"]
        start = time.perf_counter()
        frame = camera.read()
        took = 1000 * (time.perf_counter() - start)
        return f"renders {frame.rgb.shape[1]}×{frame.rgb.shape[0]} in {took:.0f} ms"


def _model() -> str:
    import numpy as np

    from handeye.perception.frame import Frame
    from handeye.perception.vlm.load import load_vlm

    model = load_vlm("embedded")
    model.parse(Frame(np.zeros((240, 320, 3), np.uint8), "none", 0, 0.0))
    start = time.perf_counter()
    model.parse(Frame(np.full((240, 320, 3), 90, np.uint8), "none", 1, 0.0))
    return f"embedded, one parse in {1000 * (time.perf_counter() - start):.0f} ms"


def _video() -> str:
    import av

    av.codec.Codec("libx264", "w")
    return f"PyAV {av.__version__}, H.264"


def _webcams() -> str:
    from pathlib import Path

    found = sorted(str(path) for path in Path("/dev").glob("video*"))
    return ", ".join(found) or "none; files, streams and the simulator need none"
