"""Locust's floor for the time to the first request."""

import os

from locust import FastHttpUser, constant, task


class Bare(FastHttpUser):
    """One request, again and again."""

    wait_time = constant(1)

    @task
    def ask(self):
        """A request without a body is answered as well as any."""
        headers = {"Authorization": f"Bearer {os.environ['TEST_USER_TOKEN']}"}
        self.client.post("/get_food_custom_date", data=b"\n\n01-01-2025", headers=headers)
