"""Golden files: recorded answers of the product; a test says what moved, ``python -m tests.golden`` records anew."""
