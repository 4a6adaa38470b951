"""Devices that models are trained on."""

from handeye.perception.errors import UserError


def must_exist(device: str) -> None:
    """Raise UserError where nothing can be put on a device; "auto" always exists."""
    import torch

    if device == "auto":
        return
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        told = f'there is no device "{device}" here; accepted are cpu, and cuda where there is one'
        raise UserError(told) from error
