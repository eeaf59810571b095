"""The command line: `python -m mcp_gateway`, and what `mcp-gateway` runs once the package is installed."""

import signal
import sys
from typing import NoReturn

from mcp_gateway._native import run_cli


def main() -> NoReturn:
    """Carries out the command line of this process, which is the same as the program's."""
    # A pipe that closes ends a command line as it ends any other program; Python would raise instead.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(run_cli(sys.argv))


if __name__ == "__main__":
    main()
