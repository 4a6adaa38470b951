"""Frames to scene: cameras, streams, vision-language models, grounding, geometry."""
