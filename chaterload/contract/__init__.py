"""Chater UI's wire contract as a table of cases, and a command that asks them of a server."""
