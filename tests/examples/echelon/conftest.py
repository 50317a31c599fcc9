"""The worked examples run on the node of the dialect's own tests."""

from tests.dialects.echelon.conftest import fixture_database, live, merchant

__all__ = ["fixture_database", "live", "merchant"]
