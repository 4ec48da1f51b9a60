"""Where else circuits run: Aer, fake devices, IBM Quantum, any V2 estimator."""
