"""``python -m deploy``: the same as the command ``doorward``."""

from deploy.cli import main

main()
