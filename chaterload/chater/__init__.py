"""Chater UI from a client's side: settings, accounts, requests, answers, what is ours."""
