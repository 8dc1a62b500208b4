"""Runs the tests without pytest: `micropython tests/run.py [name …]`, from the top of the repository.

Each argument is a part of a file's name. Files below tests/device need MicroPython's own modules, the
others run on CPython too. umqtt must be importable, as it is on a board (MICROPYPATH names its folder
elsewhere). Prints each failure, then `N passed, N failed`.
"""

import os
import sys

_FOLDERS = ("tests", "tests/device")


def run(name):
    """Run the tests of one file; return how many passed and failed."""
    passed = failed = 0
    module = __import__(name)
    for test in sorted(dir(module)):
        if test.startswith("test_") and callable(getattr(module, test)):
            try:
                getattr(module, test)()
                passed += 1
            except Exception as error:
                failed += 1
                print("FAILED %s.%s" % (name, test))
                sys.print_exception(error)
    return passed, failed


def main(words):
    sys.path[:0] = list(_FOLDERS) + ["lib"]
    passed = failed = 0
    for folder in _FOLDERS:
        for file in sorted(os.listdir(folder)):
            name = file[:-3]
            if file.startswith("test_") and file.endswith(".py") and any(word in name for word in words or ("",)):
                results = run(name)
                passed += results[0]
                failed += results[1]
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main(sys.argv[1:])
