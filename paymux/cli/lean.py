"""Load libraries without what they look for and we do not use, which takes a tenth of a second of every start and ten megabytes of every
process: structlog paints tracebacks with rich and knows greenlets, msgspec reads the types of old Pythons from typing_extensions. Whoever
imports one of these later gets it."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def hidden(*names: str) -> Iterator[None]:
    """An import of these modules fails meanwhile, as if they were not there."""
    found = {name: sys.modules.get(name) for name in names}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in found.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


with hidden("rich", "greenlet"):
    import structlog  # noqa: F401
with hidden("typing_extensions"):
    import msgspec  # noqa: F401
