"""A node on either engine, with one merchant; and a second one beside it."""

from tests.payments.conftest import migrated_file, migrated_postgres, ready_url, second, stage

__all__ = ["migrated_file", "migrated_postgres", "ready_url", "second", "stage"]
