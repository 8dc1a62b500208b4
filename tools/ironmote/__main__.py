"""`python -m ironmote` is `ironmote`."""

import sys

from .cli import main

sys.exit(main())
