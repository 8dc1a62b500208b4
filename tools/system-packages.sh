#!/bin/sh
# Make sure that the commands named as arguments exist; install what is missing where we may, else say what to do.
set -eu
missing=
for command in "$@"; do
    package=$command
    case $command in
        # Debian keeps its servers out of the PATH, since there may be several versions.
        postgres) package=postgresql; set -- /usr/lib/postgresql/*/bin; folder=$1 ;;
        chromedriver) package=chromium-driver; folder= ;;
        *) folder= ;;
    esac
    PATH="$PATH:/usr/sbin:/usr/local/sbin:$folder" command -v "$command" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root=sudo; else as_root=no; fi
    if [ "$as_root" != no ]; then
        echo "installing$missing …" >&2
        $as_root apt-get update -qq >&2
        # Debian starts a server as soon as it is installed; ours are started by the tests, on ports of their own.
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $as_root apt-get install -y -qq --no-install-recommends $missing >&2
        exit 0
    fi
fi
echo "the tests need$missing, and may not install it here: sudo apt install$missing (macOS: brew install$missing)" >&2
exit 1
