"""Runs the tests without pytest: `micropython tests/run.py [name …]`, from the top of the repository.

Each argument is a part of a file's name. Prints each failure, then `N passed, N failed`.
"""

import os
import sys

_FOLDER = "tests"


def run(name):
    """Run the tests of one file; return how many passed and failed."""
    passed = failed = 0
    module = __import__(name)
    for test in sorted(dir(module)):
        if test.startswith("test_"):
            try:
                getattr(module, test)()
                passed += 1
            except Exception as error:
                failed += 1
                print("FAILED %s.%s" % (name, test))
                sys.print_exception(error)
    return passed, failed


def main(words):
    sys.path[:0] = [_FOLDER, "lib"]
    names = [file[:-3] for file in sorted(os.listdir(_FOLDER)) if file.startswith("test_") and file.endswith(".py")]
    passed = failed = 0
    for name in names:
        if not words or any(word in name for word in words):
            results = run(name)
            passed += results[0]
            failed += results[1]
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main(sys.argv[1:])
