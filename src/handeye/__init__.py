"""Language in, motion out, the camera in the loop."""
