"""What tests/crash/run is made of: the programs it starts, its clients, what it expects."""
