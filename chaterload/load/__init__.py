"""How much load, when, of which tasks."""
