"""The demo: a fleet of simulated motes with real device code, a real broker, the gateway, and a screen to watch it."""
