"""`python -m paymux` is the command `paymux`."""

from paymux.cli import main

main()
