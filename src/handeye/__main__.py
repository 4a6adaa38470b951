"""`python -m handeye`."""

from .cli import main

main()
