"""What the gateway tells the programs of the trusted side: JSON under mote/, Home Assistant, Prometheus."""
