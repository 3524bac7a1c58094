"""The project: composition of the apps, no rules of its own."""
