"""Take a picture of a report for the README, with a headless Chromium that is on the machine.

python docs/picture.py runs/demo/report.html docs/images/report.png [--dark] [--width 1250] [--height 1500]
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    *("--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--no-sandbox"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
)


def main() -> int:
    """Render the page in a fresh profile and save what is seen."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("page", type=Path)
    options.add_argument("picture", type=Path)
    options.add_argument("--dark", action="store_true")
    options.add_argument("--width", type=int, default=1250)
    options.add_argument("--height", type=int, default=1500)
    chosen = options.parse_args()
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        print(f"no browser found; install one of: {', '.join(BROWSERS)}", file=sys.stderr)
        return 2
    chosen.picture.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *QUIET, f"--user-data-dir={profile}"]
        command += ["--blink-settings=preferredColorScheme=0"] if chosen.dark else []
        command += [
            f"--window-size={chosen.width},{chosen.height}",
            f"--screenshot={chosen.picture.resolve()}",
        ]
        subprocess.run([*command, chosen.page.resolve().as_uri()], check=True, timeout=120)
    return 0


if __name__ == "__main__":
    sys.exit(main())
