#!/bin/sh
# The version, from the one place where it stands.
set -eu
sed -n 's/^#define VC_VERSION "\(.*\)"$/\1/p' "$(dirname "$0")/../include/vitcod/version.h"
