"""A stand-in for Chater UI: a real HTTP server that keeps its wire contract, with records in memory."""
