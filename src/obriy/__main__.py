"""``python -m obriy``."""

from obriy.cli.app import main

main()
