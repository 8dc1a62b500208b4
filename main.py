"""Runs second on the device: build the app from its settings and run it."""

import sys
import time

import machine

from mote import nap, trial

try:
    taken = nap.doze()  # a waking that sends nothing ends here, with all that sends not even loaded
    from mote import app

    app.main(taken)
except KeyboardInterrupt:
    trial.ended()  # somebody at the console
    raise
except Exception as error:
    # Whatever it was is on the console; a fresh start is safer than half an app.
    sys.print_exception(error)
    trial.crashed(error)
    time.sleep(5)
    machine.reset()
