"""Drivers for arms."""
