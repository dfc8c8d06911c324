"""The engine: numbers, the operation table, the sweep, and Value. Read ops, sweep, value."""
