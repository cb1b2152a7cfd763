"""The ledger of the gateway: every call on disk before the upstream is asked, in SQLite or PostgreSQL."""

from liebig.route.ledger.open import open_ledger
from liebig.route.ledger.protocol import Ledger
from liebig.route.ledger.records import Call, Key, Outcome, Refused, Row

__all__ = ["Call", "Key", "Ledger", "Outcome", "Refused", "Row", "open_ledger"]
