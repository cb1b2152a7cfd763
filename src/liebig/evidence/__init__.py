"""Evidence: what was predicted, what was measured, and by whom."""

__all__: list[str] = []
