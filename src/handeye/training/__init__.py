"""Training of the embedded VLM: shards, targets, losses, the loop, and its evaluation."""
