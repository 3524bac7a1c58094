#!/usr/bin/env python
"""The project's command line."""

import sys

from school.command_line import main

if __name__ == "__main__":
    main(sys.argv)
