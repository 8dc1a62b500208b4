# ruff: noqa: F821  (the names come from MicroPython's build)
# What to freeze into a firmware image so that a mote's code takes no heap and no file system:
#
#   make -C ports/esp32 BOARD=ESP32_GENERIC FROZEN_MANIFEST=<this file>
#   make -C ports/esp8266 BOARD=ESP8266_GENERIC FROZEN_MANIFEST=<this file>
#
# boot.py, main.py, the settings and the certificates stay on the file system: they are the owner's, not the image's.

include("$(PORT_DIR)/boards/manifest.py")

# With the image built for it, umqtt is micropython-lib's own; without, /lib has the pinned ones.
require("umqtt.simple")
require("umqtt.robust")

# Asserts are never used to check what comes from outside, so leaving them out is safe; line numbers are kept.
package("mote", base_path="../lib", opt=1)
module("ussl.py", base_path="../lib", opt=1)
