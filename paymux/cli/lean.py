"""Load structlog without rich, which it looks for to paint tracebacks. Our logs paint nothing, and rich takes a tenth of a second of every
start and four megabytes of every process."""

import sys

_found = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it now fails as if it were not there
try:
    import structlog  # noqa: F401
finally:
    del sys.modules["rich"]
    if _found is not None:
        sys.modules["rich"] = _found
