"""`python -m quartapp` is the command `quartapp`."""

from quartapp.cli import main

main()
