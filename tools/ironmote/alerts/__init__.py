"""Alerts: what the owner of a fleet should look at, from what the gateway tells. docs/ALERTS.md says what each means.

    with alerts.part(service):  # among the parts of the gateway's service
        …

One alert is kept for each cause, counted, told, and over when its cause is. What is judged, learnt and done runs on
threads of its own: the gateway's worker never waits for it.
"""
