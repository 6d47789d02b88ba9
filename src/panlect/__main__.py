"""`python -m panlect` is `panlect`."""

import sys

from panlect.cli import main

sys.exit(main())
