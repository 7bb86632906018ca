"""What master and workers tell each other, besides Locust's own messages.

chater_check      master asks each worker whether host and token work from there    -> chater_checked
chater_lease      worker asks for an account for one more user                      -> chater_leased
chater_release    worker gives it back
chater_shared     master tells that an account has another user elsewhere
chater_dish       worker is about to make a dish: if it is killed, the master lists it
chater_finish     master asks each worker to end its users and send its last counts -> chater_finished
chater_hurry      master asks each worker to end its users at once
"""

ASK_AGAIN_S = 1.0
"""A worker that has only just connected does not know our messages yet, and drops them."""

CHECK_TIMEOUT_S = 45.0
"""Longer than three preflight requests that time out."""

LEASE_TIMEOUT_S = 30.0
FINISH_MARGIN_S = 5.0
MASTER_SILENT_S = 10.0
"""A master beats once a second; after this long without a beat it is taken for dead."""

FROZEN_S = 3.0
"""After this long without running, Locust's master has given this worker up (3 heartbeats)."""

CHECK_OPTIONS = ("tags", "exclude_tags", "stand_in", "run_time")
"""What a worker's check needs of the master's options; nothing secret is among a master's options."""
