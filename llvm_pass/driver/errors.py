"""What goes wrong in a driver, told in one line.

Invariant: a user meets `name: message` and exit status 2, never a traceback. The
user's own mistakes in C keep clang's words and clang's exit status instead.
"""

import os
import sys
from collections.abc import Callable

from llvm_pass.errors import GaleedError

EXIT_ENVIRONMENT = 2


class DriverError(Exception):
    """Usage or environment is wrong; the text is one line that says what to do."""


def run_main(name: str, main: Callable[[], int]) -> int:
    """Calls `main`; turns every failure into one line on stderr and exit status 2."""
    try:
        return main()
    except (DriverError, GaleedError) as error:
        message = str(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_ENVIRONMENT
    except OSError as error:
        message = f"{error.filename or 'system'}: {error.strerror or error}"
    except Exception as error:
        if os.environ.get("GALEED_DEBUG"):
            raise
        message = f"internal error, {type(error).__name__}: {' '.join(str(error).split())} (GALEED_DEBUG=1 shows where)"
    print(f"{name}: {message}", file=sys.stderr, flush=True)
    return EXIT_ENVIRONMENT
