"""Language: from a sentence to its meaning, and from its meaning to the scene."""
