"""Tells how to install an optional package that is missing."""

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def required(package: str) -> Generator[None]:
    """Wraps the imports of an optional package; where it is missing, the error says how to install it."""
    try:
        yield
    except ImportError as error:
        # A name that an older version lacks is an ImportError too: upgrading helps in both cases.
        message = f"{error}: please run `pip install --upgrade {package}`"
        raise ImportError(message, name=error.name, path=error.path) from error
